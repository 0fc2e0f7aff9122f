// The command line: what can be said, and which function does it.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "tools/raceway/command.h"

namespace {

using raceway::tools::FlowOptions;

constexpr char kExitCodes[] =
    "Exit codes: 0 fine, 1 the flow is wrong, 2 usage, 3 a request failed, 4 the machine lacks\n"
    "something (a model file, a device).";

void AddFile(CLI::App& command, FlowOptions& options, const std::string& what) {
  command.add_option("FILE", options.file, what)->required();
  command.add_flag("--json", options.json, "Output for machines");
}

void AddFlow(CLI::App& command, FlowOptions& options) {
  command.add_option("FLOW", options.flow,
                     "The flow meant; by default the only one of the file, else the one named like "
                     "the file");
}

void AddCompiling(CLI::App& command, FlowOptions& options) {
  command
      .add_option("--set", options.set,
                  "A parameter of the file: --set threshold=0.9; the last of a name counts")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--params", options.params,
                  "Parameters from a TOML file, under those of --set: threshold = 0.9")
      ->type_name("FILE");
  command
      .add_option("--hint", options.hint,
                  "A hint for a flow or one of its steps, above all others:\n"
                  "--hint cascade/map.big.batch.max=16, --hint cascade.slo.p99=50ms;\n"
                  "map.big#2 is the second step of its kind")
      ->type_name("ADDRESS=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--without", options.without,
                  "Leave a rewrite out; may be repeated:\n"
                  "constant-folding, shared-subflows, exclusive-branches,\n"
                  "merge-branches, filter-push-down, exclusive-routes,\n"
                  "lookup-beside-consumer, dead-columns, narrow-copies,\n"
                  "prefetch-lookups, fuse-chains")
      ->type_name("REWRITE")
      ->allow_extra_args(false);
}

void AddCheck(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Find mistakes in a flow file");
  command->footer(
      "Reads the text alone: no model file needs to be there. Prints all mistakes\n"
      "and remarks, each with its place. With --models each model file is compared with\n"
      "its signature: with FILE.json beside it, or by running it on zeros; the other files that\n"
      "flows name have to be there.\n"
      "Of a folder each *.flow below it is checked, and what several import said once. The exit\n"
      "code is that of the worst file: 2, then 1, then 4.");
  AddFile(*command, options->flow, "A .flow file, or a folder of them");
  command->add_flag("--fix", options->fix,
                    "Make the changes that are sure to be meant, write the file, say what is left");
  command->add_flag("--sarif", options->sarif, "Output for code hosts: SARIF 2.1.0")
      ->excludes("--json");
  CLI::Option* models =
      command->add_flag("--models", options->models,
                        "Open the model files and compare signatures; look for other files");
  command
      ->add_option("--model-seconds", options->model_seconds,
                   "How long one model may take to load and run")
      ->type_name("N")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str()
      ->needs(models);
  AddCompiling(*command, options->flow);
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunCheck(*options); });
}

void AddExplain(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::ExplainOptions>();
  CLI::App* command = app.add_subcommand("explain", "Show what will run, and in which order");
  command->footer(
      "syntax     the text as the parser reads it\n"
      "logical    stages and columns as written, flows inside flows inlined\n"
      "optimized  after the rewrites: columns nobody reads gone, chains fused, branches exclusive\n"
      "physical   what the engine is given; with --json, the plan file\n"
      "--graph draws the logical or the optimized plan; svg needs Graphviz's `dot`.\n"
      "raceway explain E0301 says more about a diagnostic; raceway explain codes lists them.");
  AddFile(*command, options->flow, "A .flow file, or the code of a diagnostic");
  AddFlow(*command, options->flow);
  command->add_option("--emit", options->emit, "Which value to print")
      ->check(CLI::IsMember({"syntax", "logical", "optimized", "physical"}))
      ->capture_default_str();
  auto* graph = command->add_option("--graph", options->graph, "Draw the plan: svg, dot or mermaid")
                    ->check(CLI::IsMember({"svg", "dot", "mermaid"}))
                    ->type_name("FORM");
  command->add_flag("--schemas", options->schemas, "In a graph: the columns on the arrows")
      ->needs(graph);
  command->add_flag("--diff", options->diff, "Show what each rewrite changed")->excludes(graph);
  AddCompiling(*command, options->flow);
  command->callback([options, &exit_code] {
    const std::string& what = options->flow.file;
    exit_code = raceway::tools::IsCode(what)
                    ? raceway::tools::RunExplainCode(what, options->flow.json)
                    : raceway::tools::RunExplain(*options);
  });
}

void AddCompile(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::CompileOptions>();
  CLI::App* command = app.add_subcommand("compile", "Make a plan file that `run` takes");
  command->footer(
      "A plan is readable JSON. It holds the content hash of every file it names,\n"
      "and the same flow and files give the same bytes.");
  AddFile(*command, options->flow, "A .flow file");
  AddFlow(*command, options->flow);
  command
      ->add_option("-o,--output", options->output,
                   "Where to; by default beside the flow, - for standard output")
      ->type_name("FILE");
  AddCompiling(*command, options->flow);
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunCompile(*options); });
}

void AddDiff(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::DiffOptions>();
  CLI::App* command = app.add_subcommand("diff", "Whether a new version breaks callers of the old");
  command->footer(
      "Each flow is the same, compatible (what calls the old one can call the new\n"
      "one) or breaking; for each difference the reason and both places.\n"
      "Exit code: 0 same or compatible, 1 breaking.");
  command->add_option("OLD", options->before, "A .flow or .plan file")->required();
  command->add_option("NEW", options->after, "Its new version")->required();
  command->add_option("FLOW", options->flow, "The flow meant; by default all");
  command->add_option("--set", options->set, "A parameter of both files that has no default")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunDiff(*options); });
}

void AddRun(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a flow on rows and print what comes out");
  command->footer(
      "Rows are JSON objects, one a line: bytes as {\"file\": \"a.jpg\"} or {\"base64\": \"…\"},\n"
      "tensors as nested lists or {\"npy\": \"x.npy\"}; paths are relative to the rows file.\n"
      "--each makes one row of each file that matches; a column `id: i64` is numbered from 1.\n"
      "All rows are read before the first one runs.\n"
      "Prints a table, or JSON lines with --json. Of several results each has its name before it,\n"
      "in JSON around each row: {\"name\": {…}}.");
  AddFile(*command, options->flow, "A .flow or .plan file");
  AddFlow(*command, options->flow);
  command->add_option("--rows", options->rows, "Rows as JSON lines, - for standard input")
      ->type_name("FILE");
  command->add_option("--in", options->in, "The rows of one of several tables: --in users=u.jsonl")
      ->type_name("TABLE=FILE")
      ->allow_extra_args(false);
  command->add_option("--each", options->each, "One row a file: --each image='photos/*.png'")
      ->type_name("COLUMN=PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option("--base", options->base,
                   "What the paths in a .plan are relative to; by default its folder")
      ->type_name("DIR");
  command->add_flag("--per-row", options->per_row,
                    "Make each row a request of its own: one that fails harms no other");
  command
      ->add_option("--deadline", options->deadline_ms,
                   "Give up on what has not ended after so many milliseconds of running")
      ->type_name("MS")
      ->check(CLI::Range(int64_t{1}, int64_t{31'536'000'000}));
  command
      ->add_option("--workers", options->workers,
                   "Threads that run stages; by default one, with --per-row one a core")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  CLI::Option* trace =
      command
          ->add_option("--trace", options->trace,
                       "Write what each stage did when, as JSON for ui.perfetto.dev")
          ->type_name("FILE");
  command->add_flag("--trace-ops", options->trace_ops, "With each LibTorch operator of the models")
      ->needs(trace);
  AddCompiling(*command, options->flow);
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunFlow(*options); });
}

void AddStoreLoad(CLI::App& store, int& exit_code) {
  auto options = std::make_shared<raceway::tools::StoreLoadOptions>();
  CLI::App* command = store.add_subcommand("load", "Make the folder of a store from rows");
  command->footer(
      "raceway store load shop.flow users --rows users.jsonl\n"
      "raceway store load --dir data/users --schema 'user: string, taste: f32[512]' --rows -\n"
      "Rows are JSON objects, one a line, as `run` takes them; the first column is the key, and "
      "no\n"
      "two rows have the same. All rows are there afterwards, or the folder is as it was: a "
      "mistake\n"
      "in a row, a full disk, Ctrl-C or no rows at all leave nothing behind. Who has the old rows\n"
      "open keeps them.\n"
      "Keys are kept in memory while rows are read, rows are not.");
  command->add_option("FLOW", options->flow.file, "The flow file that declares the store");
  command->add_option("STORE", options->store, "The store, declared with `rocksdb: \"folder\"`");
  command->add_option("--rows", options->rows, "Rows as JSON lines, - for standard input")
      ->type_name("FILE")
      ->required();
  command->add_option("--dir", options->dir, "The folder; by default where the flow has it")
      ->type_name("DIR");
  command->add_option("--schema", options->schema, "In place of a flow: the key, then columns")
      ->type_name("'NAME: TYPE, …'");
  command->add_option("--set", options->flow.set, "A parameter of the flow file")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", options->flow.json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunStoreLoad(*options); });
}

void AddStore(CLI::App& app, int& exit_code) {
  CLI::App* store =
      app.add_subcommand("store", "Fill the stores that flows look up in, and look in");
  store->require_subcommand(1);
  AddStoreLoad(*store, exit_code);
  auto options = std::make_shared<raceway::tools::StoreReadOptions>();
  CLI::App* get = store->add_subcommand("get", "Print the row of a key");
  get->footer(
      "A key is written as in a row, without quotes: raceway store get data/users eve,\n"
      "… 7, … true, … 2026-11-28T21:17:50Z. Exit code 3 if there is none.");
  get->add_option("DIR", options->dir, "The folder of a store")->required();
  get->add_option("KEY", options->key, "The key")->required();
  get->add_flag("--json", options->json, "Output for machines");
  get->callback([options, &exit_code] { exit_code = raceway::tools::RunStoreGet(*options); });
  CLI::App* stats = store->add_subcommand("stats", "Say what a store has, and how large it is");
  stats->add_option("DIR", options->dir, "The folder of a store")->required();
  stats->add_flag("--json", options->json, "Output for machines");
  stats->callback([options, &exit_code] { exit_code = raceway::tools::RunStoreStats(*options); });
}

void AddRepack(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::RepackOptions>();
  CLI::App* command = app.add_subcommand(
      "repack", "Lay a model file out so that it loads at the speed of the disk");
  command->footer(
      "Writes an archive of torch.jit.save, or a .pt2, anew: what makes the structure first, then\n"
      "each weight of 4 KiB and more at a block of the disk, in the order of their use. LibTorch\n"
      "loads it as before, bit by bit; it is a few per cent larger. OUT may be IN; a full disk or\n"
      "Ctrl-C leaves what was there.\n"
      "An order is a JSON list of records: [\"data/3\", \"data/0\"]. It is written into OUT and "
      "is\n"
      "a hint: names may be missing. Without --order: IN.order beside IN, the one that is in IN,\n"
      "or as the weights lie.");
  command->add_option("IN", options->from, "A model file")->required();
  command->add_option("OUT", options->to, "Where to")->required();
  command->add_option("--order", options->order, "The weights in the order of their use")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunRepack(*options); });
}

void AddLoad(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::LoadOptions>();
  CLI::App* command = app.add_subcommand(
      "load", "Load a model as its first request would, and show where the time goes");
  command->footer(
      "  raceway load resnet50.pt --in f32[1,3,224,224] --cold --gantt load.svg\n"
      "  raceway load bert.pt --in i64[1,128]:30522 --in mask.npy --runs 5 --check\n"
      "  raceway load resnet50.pt --in f32[1,3,224,224] --disk 1GB/s --trace load.json\n"
      "  raceway load resnet50.pt --in f32[1,3,224,224] --record-order resnet50.pt.order\n"
      "\n"
      "The time runs from the request to its answer; the model begins to compute while its "
      "weights\n"
      "arrive. Beside it the limit: when the last weight could have been there, and how long what\n"
      "follows it computes; as the disk reads, weights are summed and operators run here and now.\n"
      "η is limit / time. Utilisation (as Cicada has it): part of the time in which any stage was\n"
      "active. Overlap: stages active at once, on average. Waits: of operators for weights.\n"
      "With several runs, the one of median time is drawn and has its stages listed.\n"
      "Of an AOTInductor package (.pt2) nobody sees which weights are read when: its limit is the\n"
      "longer of reading all and computing all, and its strategies are sequential,\n"
      "sequential-fast and raceway.\n"
      "\n"
      "Inputs, one --in each, in the order of the method's parameters:\n"
      "  f32[1,3,224,224]   random numbers from 0 to 1, the same in each run; f16, bf16, f64, "
      "bool\n"
      "  i64[1,128]:30522   random integers below 30522; without it 0 and 1, u8 to 255\n"
      "  x.npy              an array as NumPy saves it\n"
      "  16000, 0.5, true   a number or bool that is no tensor");
  command->add_option("MODEL", options->model, "A TorchScript file, or a package (.pt2)")
      ->required();
  command->add_option("--in", options->in, "What to call it with: a shape, a .npy file, a number")
      ->type_name("INPUT")
      ->allow_extra_args(false);
  command->add_option("--method", options->method, "The method called")
      ->type_name("NAME")
      ->capture_default_str();
  command
      ->add_option("--strategy", options->strategy,
                   "How it is loaded: by raceway, or for comparison by sequential,\n"
                   "sequential-fast, mmap, pisel, mini, preload, cicada, tetris, optimus")
      ->type_name("NAME")
      ->capture_default_str();
  CLI::Option* cold = command->add_flag(
      "--cold", options->cold, "Have the file leave the page cache before each run, or fail");
  command->add_flag("--hot", options->hot, "Have all of it in the page cache before each run")
      ->excludes(cold);
  command
      ->add_option("--disk", options->disk,
                   "As if the disk were as slow as 1GB/s, 500MB/s; the page cache is not asked")
      ->type_name("SPEED");
  command->add_option("--runs", options->runs, "How many times")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--check", options->check,
                    "Compare the answer, bit by bit, with that of LibTorch's own loader");
  command->add_option("--trace", options->trace, "Write what happened when, for ui.perfetto.dev")
      ->type_name("FILE");
  command->add_option("--gantt", options->gantt, "Draw what happened when, as SVG")
      ->type_name("FILE");
  command
      ->add_option("--record-order", options->order,
                   "Write the weights in the order of their use; MODEL.order is looked for by\n"
                   "whoever loads MODEL, and repack takes it by --order")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunLoad(*options); });
}

void AddLsp(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("lsp", "Serve an editor over standard input and output");
  command->footer("Speaks the Language Server Protocol. How to set up an editor: tools/editor.");
  command->add_flag("--stdio")->description("What some editors say; there is no other way");
  command->callback([&exit_code] { exit_code = raceway::tools::RunLsp(); });
}

void AddPlugin(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::PluginOptions>();
  CLI::App* command = app.add_subcommand("plugin", "Show the functions of a library of your own");
  command->footer(
      "Loads the library in another process, for at most RACEWAY_PLUGIN_SECONDS (20), and prints\n"
      "each function as a flow declares it. How to write one: examples/plugin.");
  command->add_option("FILE", options->file, "A shared library with a RACEWAY_PLUGIN")->required();
  command->add_flag("--json", options->json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunPlugin(*options); });
}

void AddTest(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::TestOptions>();
  CLI::App* command = app.add_subcommand("test", "Run the tests in flow files");
  command->footer(
      "Models answer as their stubs say, so no model file needs to be there; time passes only\n"
      "in slow stubs. Each test runs apart from the others. With --update a list of rows in\n"
      "`expect out == [...]` that differs from what came out is written anew.");
  command->add_option("PATH", options->paths, "A .flow file, or a folder of them")->required();
  command->add_option("--filter", options->filter, "Only tests with this text in their title")
      ->type_name("TEXT");
  command->add_flag("--real", options->real, "Run the models that have no stub");
  command->add_flag("--update", options->update, "Write what came out into failing expectations");
  command->add_option("--junit", options->junit, "Write the results as JUnit XML")
      ->type_name("FILE");
  command->add_option("--set", options->set, "A parameter of the files: --set threshold=0.9")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "Output for machines");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunTests(*options); });
}

void AddFmt(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<raceway::tools::FmtOptions>();
  CLI::App* command = app.add_subcommand("fmt", "Write flow files in their canonical form");
  command->footer(
      "Lines of at most 100 columns, one entry or step a line where they do not fit on one;\n"
      "comments, order and spelling stay. There is nothing to choose. Prints the names of the\n"
      "files it changed. A file with a mistake is left as it is.");
  command
      ->add_option("FILE", options->paths,
                   "Flow files; of a folder all *.flow below it; - reads standard input and "
                   "writes standard output")
      ->required();
  command->add_flag("--check", options->check,
                    "Write nothing, print which files would change; exit 1 if any would");
  command->callback([options, &exit_code] { exit_code = raceway::tools::RunFmt(*options); });
}

/// "load, get or stats"
std::string CommandsOf(const CLI::App& app) {
  std::string text;
  const std::vector<const CLI::App*> commands = app.get_subcommands({});
  for (const CLI::App* command : commands) {
    text += (text.empty() ? "" : command == commands.back() ? " or " : ", ") + command->get_name();
  }
  return text;
}

/// What is wrong with the call, and where to read more.
std::string Complaint(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* chosen = &app;
  std::string call = app.get_name();
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands().front();
    call += " " + chosen->get_name();
  }
  const std::string see = "\nSee " + call + " --help.";
  const std::string commands = CommandsOf(*chosen);
  if (commands.empty()) return error.what() + see;
  const std::vector<std::string> words = chosen->remaining();
  return (words.empty() ? "say what to do" : "no command `" + words.front() + "`") + ": " +
         commands + see;
}

}  // namespace

int main(int argc, char** argv) {
  // A limit on the size of files is an error of writing, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app(
      "Raceway runs one request through several models, in milliseconds.\n\n"
      "  raceway check cascade.flow                              is it right?\n"
      "  raceway explain cascade.flow                            what will run\n"
      "  raceway run cascade.flow --each image='photos/*.jpg'    run it on some files",
      "raceway");
  app.footer(kExitCodes);
  app.set_version_flag("--version", std::string("raceway ") + RACEWAY_VERSION);
  app.require_subcommand(1);
  // `raceway check --help` has the room of a terminal line or two.
  app.get_formatter()->column_width(34);

  int exit_code = raceway::tools::kFine;

  AddCheck(app, exit_code);
  AddFmt(app, exit_code);
  AddExplain(app, exit_code);
  AddCompile(app, exit_code);
  AddDiff(app, exit_code);
  AddRun(app, exit_code);
  AddLsp(app, exit_code);
  AddPlugin(app, exit_code);
  AddTest(app, exit_code);
  AddStore(app, exit_code);
  AddRepack(app, exit_code);
  AddLoad(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, version
    return raceway::tools::Fail(raceway::tools::kUsage, Complaint(app, error));
  } catch (const std::exception& error) {
    return raceway::tools::Fail(raceway::tools::kUsage, error.what());
  }
  // A full disk shows only when what was printed is written.
  const bool is_flushed = std::fflush(stdout) == 0;
  const char* const reason = is_flushed ? "not all of it could be written" : std::strerror(errno);
  if ((!is_flushed || std::ferror(stdout) != 0) && exit_code == 0) {
    return raceway::tools::Fail(raceway::tools::kMachineLacks,
                                std::string("cannot write the output: ") + reason);
  }
  return exit_code;
}
