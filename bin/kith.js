#!/usr/bin/env node
// Starts kith, or says which Node.js it needs. An old Node must be able to read this file before it
// can be told so: no syntax later than Node 16's, and no import of a name that came later.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

if (isNewEnough(process.versions.node)) {
  process.exitCode = await start()
} else {
  const newer = findNodePackage()
  if (newer === undefined) {
    refuse()
  } else {
    runUnder(newer)
  }
}

/** True from 22.18 on, which runs .ts files as they stand and has what libp2p needs. */
function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** The exit code of kith run in this process: from `src/` in a checkout, from `dist/` elsewhere. */
async function start() {
  const source = new URL('../src/cli/main.ts', import.meta.url)
  const inCheckout = existsSync(source)
  if (inCheckout) {
    // Halves the start of a command, which is mostly type stripping. The default folder is in /tmp,
    // where another user could plant what we would then run.
    const { enableCompileCache } = await import('node:module')
    enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/kith', import.meta.url)))
  }
  const { main } = await import(inCheckout ? source : new URL('../dist/cli.js', import.meta.url))
  return main(process.argv)
}

/** Path of the Node that the npm package `node` holds; `undefined` if absent or if it runs this. */
function findNodePackage() {
  try {
    const path = realpathSync(createRequire(import.meta.url).resolve('node/bin/node'))
    return path === realpathSync(process.execPath) ? undefined : path
  } catch {
    return undefined
  }
}

/** Runs this file under the Node at `path`, and ends with its exit code or its signal. */
function runUnder(path) {
  const child = spawn(path, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child too, which may take a second one for "stop at once".
      const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY
      if (!fromTerminal) child.kill(signal)
    })
  }
  child.once('error', refuse)
  child.once('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

function refuse() {
  process.stderr.write(
    `kith: Node.js 22.18 or newer is needed; this is ${process.version} (${process.execPath}). ` +
      'Install it from https://nodejs.org or run: npm install -g node@24\n',
  )
  process.exitCode = 1
}
