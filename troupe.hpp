#pragma once

/// Everything that a program with actors and exchanges needs. Pipelines from files: <troupe/pipeline/pipeline.hpp>.

#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/tap.hpp>
#include <troupe/scheduler/blocking.hpp>
#include <troupe/scheduler/executor.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/thread.hpp>
