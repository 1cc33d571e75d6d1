#pragma once

/// What tests of actors use: probes, the traffic between actors, faults, and the account of all messages.
#include <troupe/testing/conserved.hpp>
#include <troupe/testing/explore.hpp>
#include <troupe/testing/faults.hpp>
#include <troupe/testing/probe.hpp>
#include <troupe/testing/traffic.hpp>
