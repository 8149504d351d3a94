// Starts `homeostat lsp` for *.intent files, and shows the consequence graph beside them.
//
// No build step: plain JavaScript, one dependency. Everything about the language is in the server.
'use strict';

const { execFile } = require('node:child_process');
const path = require('node:path');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

function settings() {
  return vscode.workspace.getConfiguration('homeostat');
}

async function start() {
  const command = settings().get('path');
  const server = { command, args: ['lsp'] };
  client = new LanguageClient('homeostat', 'Homeostat', server, {
    documentSelector: [
      { scheme: 'file', language: 'intent' },
      { scheme: 'untitled', language: 'intent' },
    ],
    initializationOptions: { spec: settings().get('spec') },
    synchronize: {
      fileEvents: vscode.workspace.createFileSystemWatcher('**/{*.intent,homeostat.toml}'),
    },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    vscode.window.showErrorMessage(
      `Homeostat: \`${command} lsp\` does not start (${error.message}). ` +
        'Install it with `cargo install --path engine/homeostat`, or set `homeostat.path`.',
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

/// What the graph is of: the files that were set, or the folder of the file that is shown.
function drawn(document) {
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  const told = settings().get('spec');
  if (told.length > 0 && folder) {
    return told.map((name) => path.resolve(folder.uri.fsPath, name));
  }
  return [path.dirname(document.uri.fsPath)];
}

function showGraph() {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== 'intent') {
    return;
  }
  const args = ['graph', '--format', 'svg', '--color', 'never', ...drawn(document)];
  execFile(settings().get('path'), args, { maxBuffer: 64 << 20 }, (error, svg, told) => {
    if (error) {
      vscode.window.showErrorMessage(`Homeostat: ${told || error.message}`);
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      'homeostat.graph',
      'Consequence graph',
      vscode.ViewColumn.Beside,
      { enableScripts: false },
    );
    panel.webview.html = `<!doctype html><meta charset="utf-8"><body>${svg}</body>`;
  });
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand('homeostat.restart', async () => {
      await stop();
      await start();
    }),
    vscode.commands.registerCommand('homeostat.graph', showGraph),
    vscode.workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration('homeostat')) {
        await stop();
        await start();
      }
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
