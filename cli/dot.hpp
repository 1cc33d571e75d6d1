#pragma once

#include <string>

#include <troupe/base/result.hpp>

namespace troupe::cli {

/// Has Graphviz draw a graph: the bytes of the drawing in a format that `dot -T` knows, such as "svg".
/// `errc::not_found` where Graphviz is not installed, `errc::io` where it failed.
result<std::string> draw(const std::string& dot, const std::string& format);

}  // namespace troupe::cli
