#include "operators/models/options.h"

#include <filesystem>

#include "engine/data/column.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Value;

/// "small" of "map(small)", empty for other labels.
std::string NameIn(std::string_view label) {
  const size_t open = label.find('(');
  if (open == std::string_view::npos || !label.ends_with(')')) return {};
  return std::string(label.substr(open + 1, label.size() - open - 2));
}

Error Wrong(const std::string& name, const std::string& option, const Value& value) {
  return {ErrorCode::kInvalidArgument,
          "model " + name + ": `" + option + "` cannot be " + ToString(value)};
}

/// False where it is not from 0 to 1024.
bool ReadCount(const Value& value, int& count) {
  const int64_t* written = value.AsInt();
  if (written == nullptr || *written < 0 || *written > 1024) return false;
  count = static_cast<int>(*written);
  return true;
}

/// `["gpu", "cpu"]`
bool ReadDevices(const Value& list, std::vector<std::string>& devices) {
  if (list.AsList() == nullptr || list.AsList()->empty()) return false;
  for (const Value& device : *list.AsList()) {
    if (device.AsString() == nullptr) return false;
    devices.push_back(*device.AsString() == "gpu" ? "cuda" : *device.AsString());
  }
  return true;
}

/// `[[column, dimension], …]`
bool ReadPlaces(const Value* list, std::vector<Padding::Place>& places) {
  if (list == nullptr || list->AsList() == nullptr) return false;
  for (const Value& place : *list->AsList()) {
    const Value::List* pair = place.AsList();
    if (pair == nullptr || pair->size() != 2) return false;
    const int64_t* column = (*pair)[0].AsInt();
    const int64_t* dim = (*pair)[1].AsInt();
    if (column == nullptr || dim == nullptr || *column < 0 || *dim < 0) return false;
    places.push_back({static_cast<size_t>(*column), *dim});
  }
  return true;
}

}  // namespace

Result<ModelOptions> ReadModelOptions(const Value::Record& record, std::string_view label) {
  const Value options(record);
  const auto text = [&options](std::string_view key) {
    const Value* value = options.Find(key);
    return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
  };
  ModelOptions read;
  read.source = text("source");
  read.sha256 = text("sha256");
  read.name = NameIn(label);
  if (read.source.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a model wants the option `source`"};
  }
  if (read.name.empty()) read.name = std::filesystem::path(read.source).stem().string();
  if (const Value* threads = options.Find("threads")) {
    if (!ReadCount(*threads, read.num_threads)) return Wrong(read.name, "threads", *threads);
  }
  if (const Value* instances = options.Find("instances")) {
    if (!ReadCount(*instances, read.num_instances)) {
      return Wrong(read.name, "instances", *instances);
    }
  }
  if (const Value* devices = options.Find("device")) {
    if (!ReadDevices(*devices, read.devices)) return Wrong(read.name, "device", *devices);
  }
  if (const Value* method = options.Find("method")) {
    read.method = text("method");
    if (read.method.empty()) return Wrong(read.name, "method", *method);
  }
  if (const Value* state = options.Find("state")) {
    if (text("state") != "fresh") return Wrong(read.name, "state", *state);
    read.starts_fresh = true;
  }
  if (const Value* weights = options.Find("weights")) {
    read.weights = text("weights");
    read.weights_sha256 = text("weights_sha256");
    if (read.weights.empty()) return Wrong(read.name, "weights", *weights);
  }
  if (const Value* dtype = options.Find("dtype")) {
    const auto type = engine::DataTypeFromName(text("dtype"));
    if (!type || !engine::IsFloat(*type)) return Wrong(read.name, "dtype", *dtype);
    read.dtype = engine::ScalarTypeOf(*type);
  }
  if (const Value* pad = options.Find("pad")) {
    if (!ReadPlaces(pad->Find("inputs"), read.padding.inputs) ||
        !ReadPlaces(pad->Find("outputs"), read.padding.outputs) || read.padding.inputs.empty()) {
      return Wrong(read.name, "pad", *pad);
    }
  }
  return read;
}

}  // namespace raceway::operators
