// Starts `raceway lsp` for .flow files; all that is known of the language is in there.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const command = workspace.getConfiguration("raceway").get("command", "raceway");
  client = new LanguageClient(
    "raceway",
    "Raceway",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "flow" }] },
  );
  return client.start();
};

exports.deactivate = () => client?.stop();
