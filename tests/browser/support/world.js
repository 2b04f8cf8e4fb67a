// Everything a test needs at once: the app, the demo, and a browser where one is wanted.

import { chromium } from "playwright-core";

import { startApp } from "./app.js";
import { clients } from "./clients.js";
import { startDemo } from "./demo.js";

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
  "--no-pings",
  "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,HttpsUpgrades",
  // Nothing outside this machine is ever asked.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

/** A browser that asks nothing outside this machine. */
export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: QUIET });
}

/** Starts it all; `close` stops it all. */
export async function startWorld({ browser: wanted = true } = {}) {
  const world = { close: async () => {} };
  const closing = [];
  world.close = async () => {
    for (const close of closing.reverse()) await close();
  };
  try {
    world.app = await startApp();
    closing.push(() => world.app.stop());
    world.demo = await startDemo({ clients: clients(world.app), args: ["--allow-loopback-fetch"] });
    closing.push(() => world.demo.stop());
    if (wanted) {
      world.browser = await startBrowser();
      closing.push(() => world.browser.close());
    }
  } catch (error) {
    await world.close();
    throw error;
  }
  /** A page in a browser of its own: no cookies shared with any other. */
  world.newPage = async (options = {}) => {
    const context = await world.browser.newContext(options);
    context.setDefaultTimeout(10_000);
    return context.newPage();
  };
  return world;
}
