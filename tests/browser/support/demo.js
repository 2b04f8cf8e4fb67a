// Starts the demo program on free ports with a store of its own, and stops exactly that process again.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const READY_MS = 60_000;

const alive = new Set();
process.on("exit", () => alive.forEach((child) => child.kill("SIGKILL")));

/** A running demo. `clients` are added with `--clients`. */
export async function startDemo({ clients = [], args = [] } = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), "vestibule-browser-"));
  const port = await freePorts();
  const url = `http://127.0.0.1:${port}`;
  const file = path.join(dir, "clients.json");
  await writeFile(file, JSON.stringify(clients));
  const all = [
    "--listen", `127.0.0.1:${port}`,
    "--store", `sqlite:${path.join(dir, "demo.sqlite3")}`,
    "--clients", file,
    ...args,
  ];
  let program = spawnDemo(all, { cwd: dir });
  const demo = {
    url,
    fhir: `${url}/fhir`,
    archive: `${url}/archive/fhir`,
    sampleApp: `http://localhost:${port + 1}`,
    log: () => program.log(),
    /** Stops it and starts it again with the same store. */
    async restart() {
      await program.stop();
      program = spawnDemo(all, { cwd: dir });
      await ready(`${url}/readyz`, program);
    },
    async stop() {
      await program.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await ready(`${url}/readyz`, program);
  } catch (error) {
    await demo.stop();
    throw error;
  }
  const smart = await (await fetch(`${demo.fhir}/.well-known/smart-configuration`)).json();
  return Object.assign(demo, { smart });
}

/** Runs the program; `exited` resolves to its exit code. */
export function spawnDemo(args, options = {}) {
  return spawnProgram("DEMO_EHR", args, options);
}

/** Runs the program that an environment variable names. */
export function spawnProgram(variable, args = [], options = {}) {
  const binary = process.env[variable];
  if (!binary) throw new Error(`${variable} names no program; use tests/browser/run`);
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  alive.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
  const exited = new Promise((resolve) => {
    child.on("exit", (code) => {
      alive.delete(child);
      resolve(code);
    });
    child.on("error", (error) => {
      text += error;
      alive.delete(child);
      resolve(-1);
    });
  });
  return {
    exited,
    log: () => text,
    async stop() {
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await exited;
      clearTimeout(hard);
    },
  };
}

/** Waits until the address answers. */
export async function ready(url, program) {
  let over = false;
  program.exited.then(() => (over = true));
  const until = Date.now() + READY_MS;
  while (Date.now() < until && !over) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the program did not get ready:\n${program.log()}`);
}

/** A port whose successor is free too: the sample app takes that one. */
async function freePorts() {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = await listenOnce(0);
    if (port < 65_535 && (await listenOnce(port + 1).catch(() => null))) return port;
  }
  throw new Error("no two free ports in a row");
}

function listenOnce(port) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: taken } = server.address();
      server.close(() => resolve(taken));
    });
  });
}
