// The native half of the Python package: values in and out, nothing decided here that Python can
// decide. What can fail returns its error as a tuple; `__init__.py` makes exceptions of them.
#include <ATen/ops/empty.h>
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <raceway/compile.h>
#include <raceway/raceway.h>
#include <torch/csrc/autograd/python_variable.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace {

/// (code, message, stage, row, text)
py::tuple FromError(const raceway::Error& error) {
  return py::make_tuple(raceway::NameOf(error.code), error.message, error.stage, error.row,
                        error.Text());
}

/// What is raised as `raceway.Error`: see `_failed` in __init__.py.
class Failure : public std::exception {
 public:
  explicit Failure(raceway::Error error) : error_(std::move(error)) {}
  const raceway::Error& error() const { return error_; }

 private:
  raceway::Error error_;
};

template <typename T>
T OrThrow(raceway::Result<T> result) {
  if (!result) throw Failure(std::move(result).error());
  return *std::move(result);
}

// --- columns ---

py::object FromTensor(const at::Tensor& tensor) {
  return py::reinterpret_steal<py::object>(THPVariable_Wrap(tensor));
}

bool IsTensor(py::handle value) { return THPVariable_Check(value.ptr()); }

std::string ToText(const std::string& column, py::handle value) {
  if (py::isinstance<py::str>(value) || py::isinstance<py::bytes>(value)) {
    return py::cast<std::string>(value);
  }
  throw py::type_error("column `" + column + "`: a row is " +
                       std::string(py::str(py::type::of(value).attr("__name__"))) +
                       " where others are text");
}

/// (shape, elements), as `_packed` in __init__.py makes it.
raceway::TextTensor ToTextTensor(const py::tuple& packed) {
  return {packed[0].cast<std::vector<int64_t>>(), packed[1].cast<std::vector<std::string>>()};
}

/// Rows one by one: tensors, texts or tensors of texts, None where there is no value.
void SetRows(raceway::Table& table, const std::string& name, const py::list& rows, bool is_text) {
  if (!is_text) {
    std::vector<at::Tensor> tensors;
    for (const py::handle row : rows) {
      if (!row.is_none() && !IsTensor(row)) {
        throw py::type_error("column `" + name + "`: rows must be tensors");
      }
      tensors.push_back(row.is_none() ? at::Tensor() : THPVariable_Unpack(row.ptr()));
    }
    table.Set(name, std::move(tensors));
    return;
  }
  bool has_nulls = false;
  bool are_tensors = false;
  for (const py::handle row : rows) {
    has_nulls = has_nulls || row.is_none();
    are_tensors = are_tensors || py::isinstance<py::tuple>(row);
  }
  if (are_tensors) {
    std::vector<raceway::TextTensor> texts;
    for (const py::handle row : rows) {
      texts.push_back(row.is_none() ? raceway::TextTensor{{0}, {}}
                                    : ToTextTensor(py::reinterpret_borrow<py::tuple>(row)));
    }
    table.Set(name, texts);
  } else {
    std::vector<std::string> texts;
    for (const py::handle row : rows) texts.push_back(row.is_none() ? "" : ToText(name, row));
    table.Set(name, texts);
  }
  if (!has_nulls) return;
  at::Tensor mask = at::empty({static_cast<int64_t>(rows.size())}, at::kBool);
  for (size_t i = 0; i < rows.size(); ++i) mask.data_ptr<bool>()[i] = !rows[i].is_none();
  OrThrow(table.SetMask(name, std::move(mask)));
}

raceway::Table ToTable(const py::dict& columns) {
  raceway::Table table;
  for (const auto& [key, value] : columns) {
    const auto name = key.cast<std::string>();
    if (IsTensor(value)) {
      table.Set(name, THPVariable_Unpack(value.ptr()));
      continue;
    }
    // (is_text, rows), as `_column` in __init__.py makes it.
    const auto rows = py::reinterpret_borrow<py::tuple>(value);
    SetRows(table, name, py::reinterpret_borrow<py::list>(rows[1]), rows[0].cast<bool>());
  }
  return table;
}

/// Nested lists of the elements from `next` on, which it moves behind them.
py::object Nested(const raceway::TextTensor& tensor, size_t depth, size_t& next, bool is_string) {
  if (depth == tensor.shape.size()) {
    const std::string& text = tensor.elements[next++];
    return is_string ? py::object(py::str(text)) : py::object(py::bytes(text));
  }
  py::list items;
  for (int64_t i = 0; i < tensor.shape[depth]; ++i) {
    items.append(Nested(tensor, depth + 1, next, is_string));
  }
  return items;
}

/// One Python object a row.
py::list RowsOf(const raceway::Table& table, const raceway::Field& field) {
  py::list rows;
  const bool is_string = field.dtype == raceway::DataType::kString;
  if (!is_string && field.dtype != raceway::DataType::kBytes) {
    for (const at::Tensor& row : OrThrow(table.Tensors(field.name))) rows.append(FromTensor(row));
  } else if (field.shape.empty()) {
    for (const std::string_view text : OrThrow(table.Texts(field.name))) {
      rows.append(is_string ? py::object(py::str(text.data(), text.size()))
                            : py::object(py::bytes(text.data(), text.size())));
    }
  } else {
    for (const raceway::TextTensor& tensor : OrThrow(table.TextTensors(field.name))) {
      size_t next = 0;
      rows.append(Nested(tensor, 0, next, is_string));
    }
  }
  const at::Tensor mask = OrThrow(table.Mask(field.name));
  for (int64_t row = 0; mask.defined() && row < mask.size(0); ++row) {
    if (!mask.data_ptr<bool>()[row * mask.stride(0)]) rows[static_cast<size_t>(row)] = py::none();
  }
  return rows;
}

/// Tensors where rows lie in one and all have a value, else lists.
py::dict FromTable(const raceway::Table& table, const raceway::TableSpec& spec) {
  py::dict columns;
  for (const raceway::Field& field : spec.schema) {
    const bool is_dense = OrThrow(table.LayoutOf(field.name)) == raceway::Layout::kDense;
    columns[py::str(field.name)] = is_dense && !field.optional
                                       ? FromTensor(OrThrow(table.Tensor(field.name)))
                                       : py::object(RowsOf(table, field));
  }
  return columns;
}

/// (True, [columns of each result]) or (False, error).
py::tuple FromResult(const raceway::Flow& flow,
                     const raceway::Result<std::vector<raceway::Table>>& results) {
  if (!results) return py::make_tuple(false, FromError(results.error()));
  try {
    py::list tables;
    for (size_t i = 0; i < results->size(); ++i) {
      tables.append(FromTable((*results)[i], flow.results()[i]));
    }
    return py::make_tuple(true, tables);
  } catch (const Failure& failure) {
    return py::make_tuple(false, FromError(failure.error()));
  } catch (const std::exception& error) {  // a string that is no UTF-8, no memory
    return py::make_tuple(false, FromError({raceway::ErrorCode::kFailed, error.what()}));
  }
}

// --- requests ---

std::vector<raceway::Table> ToTables(const py::list& inputs) {
  std::vector<raceway::Table> tables;
  for (const py::handle columns : inputs) {
    tables.push_back(ToTable(py::reinterpret_borrow<py::dict>(columns)));
  }
  return tables;
}

raceway::RequestOptions Options(std::optional<double> timeout,
                                const raceway::CancelSource* cancel) {
  raceway::RequestOptions options;
  // Beyond a century a clock would overflow.
  constexpr double kLongest = 3e9;
  if (timeout && *timeout < kLongest) options.deadline = std::chrono::duration<double>(*timeout);
  if (cancel != nullptr) options.cancel = cancel->token();
  return options;
}

py::tuple Run(const raceway::Flow& flow, const py::list& inputs, std::optional<double> timeout,
              const raceway::CancelSource* cancel) {
  const std::vector<raceway::Table> tables = ToTables(inputs);
  const raceway::Result<std::vector<raceway::Table>> results = [&] {
    const py::gil_scoped_release released;
    return flow.RunTables(tables, Options(timeout, cancel));
  }();
  return FromResult(flow, results);
}

/// What `done` threw: nobody is there to catch it, Python's `sys.unraisablehook` tells.
void Report(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("raceway's completion");
    return;
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "raceway's completion threw what is no exception");
  }
  PyErr_WriteUnraisable(nullptr);
}

/// `done` is called once with what `Run` returns, in a thread of the engine.
void Submit(const raceway::Flow& flow, const py::list& inputs, std::optional<double> timeout,
            const raceway::CancelSource* cancel, py::function done) {
  // The engine drops it in a thread that does not hold the interpreter.
  const std::shared_ptr<py::function> held(new py::function(std::move(done)), [](auto* function) {
    const py::gil_scoped_acquire acquired;
    delete function;
  });
  const std::vector<raceway::Table> tables = ToTables(inputs);
  const py::gil_scoped_release released;
  flow.SubmitTables(tables, Options(timeout, cancel),
                    [flow, held](const raceway::Result<std::vector<raceway::Table>>& results) {
                      const py::gil_scoped_acquire acquired;
                      try {
                        (*held)(*FromResult(flow, results));
                      } catch (...) {  // the engine knows no exceptions
                        Report(std::current_exception());
                      }
                    });
}

/// Ends without holding the interpreter, since completions that it waits for need it.
class Engine {
 public:
  explicit Engine(int num_workers)
      : engine_(OrThrow(raceway::Engine::Start({.num_workers = num_workers}))) {}
  ~Engine() { Close(); }
  Engine(const Engine&) = delete;

  raceway::Flow Deploy(const raceway::Plan& plan, bool check_files) {
    const py::gil_scoped_release released;
    return OrThrow(engine_.Deploy(plan, {.check_files = check_files}));
  }
  void Replace(const raceway::Flow& flow, const raceway::Plan& plan, bool check_files) {
    const py::gil_scoped_release released;
    OrThrow(engine_.Replace(flow, plan, {.check_files = check_files}));
  }
  void Undeploy(const raceway::Flow& flow) {
    const py::gil_scoped_release released;
    OrThrow(engine_.Undeploy(flow));
  }
  void Close() {
    const py::gil_scoped_release released;
    engine_.Stop();
  }
  int num_workers() const { return engine_.num_workers(); }

 private:
  raceway::Engine engine_;  // as long as Python has ours: other threads may be in it
};

// --- plans ---

py::list FromSpecs(const std::vector<raceway::TableSpec>& specs) {
  py::list tables;
  for (const raceway::TableSpec& spec : specs) {
    py::list fields;
    for (const raceway::Field& field : spec.schema) {
      fields.append(py::make_tuple(field.name, field.type, raceway::NameOf(field.dtype),
                                   py::tuple(py::cast(field.shape)), field.optional,
                                   field.has_default));
    }
    tables.append(py::make_tuple(spec.name, fields));
  }
  return tables;
}

py::tuple FromPlace(const raceway::Place& place) {
  return py::make_tuple(place.file, place.line, place.column, place.end_line, place.end_column);
}

/// (plan or None, diagnostics, text)
py::tuple FromCompilation(const raceway::Compilation& compiled) {
  constexpr const char* kSeverities[] = {"note", "warning", "error"};
  py::list diagnostics;
  for (const raceway::Diagnostic& diagnostic : compiled.diagnostics) {
    py::list notes;
    for (const auto& note : diagnostic.notes) {
      notes.append(py::make_tuple(FromPlace(note.where), note.message));
    }
    diagnostics.append(py::make_tuple(kSeverities[static_cast<size_t>(diagnostic.severity)],
                                      diagnostic.code, diagnostic.name, diagnostic.message,
                                      FromPlace(diagnostic.where), notes, diagnostic.help));
  }
  return py::make_tuple(compiled.plan, diagnostics, compiled.text);
}

using Params = std::vector<std::pair<std::string, std::string>>;

py::tuple CompileFile(const std::filesystem::path& file, std::string flow, Params params,
                      std::vector<std::string> hints) {
  return FromCompilation(OrThrow([&] {
    const py::gil_scoped_release released;
    return raceway::CompileFile(file, {std::move(flow), std::move(params), std::move(hints)});
  }()));
}

py::tuple CompileText(const std::string& text, const std::string& name,
                      const std::filesystem::path& base_dir, std::string flow, Params params,
                      std::vector<std::string> hints) {
  return FromCompilation(OrThrow([&] {
    const py::gil_scoped_release released;
    return raceway::CompileText(text, name, base_dir,
                                {std::move(flow), std::move(params), std::move(hints)});
  }()));
}

}  // namespace

PYBIND11_MODULE(_raceway, module) {
  module.attr("VERSION") = RACEWAY_VERSION;
  // The class of __init__.py, which registers it before anything can fail.
  module.def("raise_as", [](py::function failed) {
    static py::handle raise;
    raise = failed.release();
    py::register_exception_translator([](std::exception_ptr pointer) {
      try {
        if (pointer) std::rethrow_exception(pointer);
      } catch (const Failure& failure) {
        const py::object error = raise(*FromError(failure.error()));
        PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
      }
    });
  });

  py::class_<raceway::CancelSource>(module, "CancelSource")
      .def(py::init<>())
      .def("cancel", &raceway::CancelSource::Cancel)
      .def_property_readonly("is_cancelled", &raceway::CancelSource::is_cancelled);

  py::class_<raceway::Plan>(module, "Plan")
      .def_static("load",
                  [](const std::filesystem::path& file,
                     const std::optional<std::filesystem::path>& base_dir) {
                    return OrThrow(base_dir ? raceway::Plan::Load(file, *base_dir)
                                            : raceway::Plan::Load(file));
                  })
      .def_static("from_json",
                  [](const std::string& json, const std::filesystem::path& base_dir) {
                    return OrThrow(raceway::Plan::FromJson(json, base_dir));
                  })
      .def("to_json", &raceway::Plan::ToJson)
      .def_property_readonly("flow", &raceway::Plan::flow)
      .def_property_readonly("files", &raceway::Plan::files)
      .def_property_readonly("base_dir", &raceway::Plan::base_dir)
      .def("inputs", [](const raceway::Plan& plan) { return FromSpecs(plan.inputs()); })
      .def("results", [](const raceway::Plan& plan) { return FromSpecs(plan.results()); });

  py::class_<raceway::Flow>(module, "Flow").def("run", &Run).def("submit", &Submit);

  py::class_<Engine>(module, "Engine")
      .def(py::init<int>())
      .def("deploy", &Engine::Deploy)
      .def("replace", &Engine::Replace)
      .def("undeploy", &Engine::Undeploy)
      .def("close", &Engine::Close)
      .def_property_readonly("num_workers", &Engine::num_workers);

  module.def("compile_file", &CompileFile);
  module.def("compile_text", &CompileText);
}
