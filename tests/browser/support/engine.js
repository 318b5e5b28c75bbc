// A redis-server by which gates agree, and what they need to know of it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { found, freePort, Gate } from './gate.js';

const REDIS = process.env.REDIS_SERVER ?? 'redis-server';

class Engine {
  /** @param {import('node:test').TestContext} t which ends it */
  static async start(t) {
    const engine = new Engine();
    engine.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'popgate-browser-engine-'));
    engine.port = await freePort();
    fs.writeFileSync(path.join(engine.folder, 'secret'), `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    t.after(async () => {
      await engine.halt();
      fs.rmSync(engine.folder, { recursive: true });
    });
    await engine.run();
    return engine;
  }

  /** Starts it, empty, and waits until it can be reached. */
  async run() {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    this.process = spawn(REDIS, settings, { stdio: 'ignore' });
    this.exited = once(this.process, 'exit');
    await found(() => reaches(this.port));
  }

  async halt() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  /** What a gate of this name has in its configuration. */
  cluster(name) {
    return `
[cluster]
nodes = ["127.0.0.1:${this.port}"]
secret_file = "${path.join(this.folder, 'secret')}"
name = "${name}"
`;
  }
}

function reaches(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const end = (isReached) => {
      socket.destroy();
      setTimeout(resolve, 10, isReached);
    };
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });
}

/** Gates before the same backend, which know of each other. `settings`: tables for some of them, by name. */
export async function site(t, names, settings = {}) {
  const engine = await Engine.start(t);
  const gates = [];
  for (const name of names) {
    const more = engine.cluster(name) + (settings[name] ?? '');
    gates.push(await Gate.start(t, { withoutToken: true, more, backend: gates[0]?.backend }));
  }
  for (const gate of gates) {
    await found(async () => (await gate.get('/cluster')).cluster.gates.length === names.length);
  }
  return { engine, gates };
}
