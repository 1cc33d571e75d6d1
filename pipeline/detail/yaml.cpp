#include <troupe/pipeline/detail/yaml.hpp>

#include <algorithm>
#include <cerrno>
#include <istream>
#include <map>
#include <streambuf>
#include <system_error>
#include <unordered_map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline::detail {

namespace {

location to_location(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

struct rejected {
  location at;
  std::string message;
};

// Builds the tree from the parser's events. yaml-cpp's own nodes would follow an alias to a node that is still being
// read, and so make a cycle, and would let a key stand twice.
class tree_builder final : public YAML::EventHandler {
public:
  tree_builder(const std::string& file, diagnostics& errors) : file_(file), errors_(errors) {}

  yaml_ptr root() const { return root_; }

  // yaml-cpp takes a quote that the end of the file leaves open as closed there.
  void reject_open_quote(std::string_view text) const {
    if (last_scalar_ >= text.size()) return;
    const char quote = text[last_scalar_];
    if (quote != '"' && quote != '\'') return;
    for (std::size_t i = last_scalar_ + 1; i < text.size(); ++i) {
      if (quote == '"' && text[i] == '\\')
        ++i;
      else if (text[i] == quote)
        return;
    }
    throw rejected{last_scalar_at_, fmt::format("malformed YAML: this quote ({}) is never closed", quote)};
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(yaml_node::kind::null, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw rejected{to_location(mark), "this alias stands for a node that contains it: aliases cannot be circular"};
    attach(found->second, to_location(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    check_tag(mark, tag);
    auto node = make(yaml_node::kind::scalar, mark);
    node->text = text;
    node->quoted = tag == "!";
    last_scalar_ = static_cast<std::size_t>(mark.pos);
    last_scalar_at_ = node->at;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(yaml_node::kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(yaml_node::kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

private:
  struct frame {
    std::shared_ptr<yaml_node> node;
    YAML::anchor_t anchor;
    yaml_ptr key = nullptr;  // of a map whose next node is the value
    location key_at = {};
    std::map<std::string, location> seen = {};  // keys of a map
  };

  static std::shared_ptr<yaml_node> make(yaml_node::kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<yaml_node>();
    node->what = kind;
    node->at = to_location(mark);
    return node;
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    errors_.push_back(
        {file_, to_location(mark), fmt::format("unknown tag '{}': pipeline files use none", printable(tag))});
  }

  void open(yaml_node::kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (open_.size() >= max_depth)
      throw rejected{to_location(mark), fmt::format("nested deeper than {} levels", max_depth)};
    open_.push_back({make(kind, mark), anchor});
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(std::shared_ptr<const yaml_node> node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    attach(node, node->at);
  }

  void attach(const yaml_ptr& node, location at) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    auto& parent = open_.back();
    parent.node->weight += node->weight;
    if (parent.node->weight > max_nodes)
      throw rejected{at, fmt::format("more than {} nodes, aliases counted as what they stand for", max_nodes)};
    if (parent.node->is(yaml_node::kind::sequence)) {
      parent.node->items.push_back(node);
    } else if (!parent.key) {
      parent.key = node;
      parent.key_at = at;
    } else {
      add_entry(parent, node);
      parent.key = nullptr;
    }
  }

  void add_entry(frame& map, const yaml_ptr& value) {
    if (!map.key->is(yaml_node::kind::scalar)) {
      errors_.push_back({file_, map.key_at, fmt::format("a key is a text, not {}", describe(*map.key))});
      return;
    }
    const auto [first, is_new] = map.seen.emplace(map.key->text, map.key_at);
    if (is_new) {
      map.node->entries.push_back({map.key->text, map.key_at, value});
    } else {
      errors_.push_back({file_, map.key_at,
                         fmt::format("the key '{}' stands here again, first on line {}", printable(map.key->text),
                                     first->second.line)});
    }
  }

  const std::string& file_;
  diagnostics& errors_;
  std::vector<frame> open_;
  std::unordered_map<YAML::anchor_t, yaml_ptr> anchors_;
  std::size_t last_scalar_ = static_cast<std::size_t>(-1);  // offset in the file
  location last_scalar_at_;
  yaml_ptr root_;
};

// Reads from a text in place: a stringstream would copy it.
class view_buffer final : public std::streambuf {
public:
  explicit view_buffer(const std::string& text) {
    auto* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

location location_of(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const auto last = before.rfind('\n');
  return {line, last == before.npos ? offset + 1 : offset - last};
}

// The offset of the first byte that no text holds, or npos.
std::size_t find_binary(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) return i;
  }
  return find_invalid_utf8(text);
}

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

private:
  int fd_;
};

}  // namespace

std::string describe(const yaml_node& node) {
  switch (node.what) {
    case yaml_node::kind::null: return "nothing";
    case yaml_node::kind::scalar: return fmt::format("the text '{}'", printable(node.text, 60));
    case yaml_node::kind::sequence: return "a list";
    case yaml_node::kind::map: return "a map";
  }
  return "nothing";
}

std::shared_ptr<const std::string> read_text(const std::filesystem::path& file, diagnostics& errors) {
  const auto fail = [&](std::string message) {
    errors.push_back({file.native(), {}, std::move(message)});
    return nullptr;
  };
  const auto system_message = [](int code) { return std::generic_category().message(code); };

  const descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) return fail(fmt::format("cannot open the file: {}", system_message(errno)));
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) return fail(fmt::format("cannot read the file: {}", system_message(errno)));
  if (S_ISDIR(status.st_mode)) return fail("this is a folder, expected a pipeline file");
  const auto too_large = fmt::format("larger than {} MiB: this is no pipeline file", max_file_size >> 20);
  if (S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) > max_file_size) return fail(too_large);

  auto text = std::make_shared<std::string>();
  std::vector<char> chunk(std::size_t{64} << 10);
  for (;;) {
    const auto n = ::read(opened.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(fmt::format("cannot read the file: {}", system_message(errno)));
    if (n == 0) break;
    text->append(chunk.data(), static_cast<std::size_t>(n));
    if (text->size() > max_file_size) return fail(too_large);
  }
  if (text->starts_with("\xef\xbb\xbf")) text->erase(0, 3);  // the mark that some editors put before UTF-8
  if (const auto offset = find_binary(*text); offset != text->npos) {
    errors.push_back(
        {file.native(), location_of(*text, offset),
         fmt::format("not a text in UTF-8: the byte 0x{:02x}", static_cast<unsigned char>((*text)[offset]))});
    return nullptr;
  }
  return text;
}

yaml_ptr parse_yaml(const std::string& file, const std::string& text, diagnostics& errors) {
  tree_builder first(file, errors);
  try {
    view_buffer buffer(text);
    std::istream in(&buffer);
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(first) || !first.root() || first.root()->is(yaml_node::kind::null)) {
      errors.push_back({file, {1, 1}, "the file is empty, expected a map with 'exchanges' and 'actors'"});
      return nullptr;
    }
    first.reject_open_quote(text);
    diagnostics ignored;
    tree_builder second(file, ignored);
    if (parser.HandleNextDocument(second)) {
      errors.push_back(
          {file, second.root() ? second.root()->at : location{}, "a second document begins here, expected one"});
      return nullptr;
    }
    return first.root();
  } catch (const rejected& r) {
    errors.push_back({file, r.at, r.message});
  } catch (const YAML::Exception& e) {
    errors.push_back({file, to_location(e.mark), fmt::format("malformed YAML: {}", e.msg)});
  } catch (const std::exception& e) {
    errors.push_back({file, {}, fmt::format("malformed YAML: {}", e.what())});
  }
  return nullptr;
}

}  // namespace troupe::pipeline::detail
