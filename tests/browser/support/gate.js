// A real popgate before a POP3 server of this process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Client, startBackend } from './pop3.js';

const POPGATE = path.resolve(process.env.POPGATE ?? '../../target/debug/popgate');
const READY_MS = 20000;

/** A port that was free a moment ago. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** What `look` finds, as soon as it finds something. */
export async function found(look) {
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; ) {
    const it = await look();
    if (it) return it;
  }
  throw new Error(`not within ${READY_MS} ms: ${look}`);
}

export class Gate {
  /**
   * @param {import('node:test').TestContext} t which ends it
   * @param {{withoutToken?: boolean, wait?: string, defaults?: string, more?: string, backend?: any}} [options] `more`:
   * tables of the configuration; `backend`: that of another gate
   */
  static async start(t, { withoutToken = false, wait = '55s', defaults = '', more = '', backend = null } = {}) {
    const gate = new Gate();
    gate.test = t;
    gate.readers = [];
    gate.backend = backend ?? (await startBackend());
    gate.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'popgate-browser-'));
    gate.address = `127.0.0.1:${await freePort()}`;
    gate.admin = `127.0.0.1:${await freePort()}`;
    gate.url = `http://${gate.admin}/`;
    fs.writeFileSync(path.join(gate.folder, 'popgate.toml'), gate.#configuration(withoutToken, wait, defaults) + more);
    t.after(() => gate.#end());
    await gate.run();
    return gate;
  }

  /** Clients say where they come from, as behind a load balancer, and are nobody that is trusted. */
  #configuration(withoutToken, wait, defaults) {
    return `
[server]
trusted_networks = ["127.0.0.1/32"]
[[listen]]
name = "pop3"
address = "${this.address}"
tls = "off"
proxy_protocol = true
[[backend]]
name = "legacy"
address = "${this.backend.address}"
preconnect = false
[admin]
address = "${this.admin}"
token_file = "admin.token"
trust_loopback = ${withoutToken}
[defaults]
cleartext = "always"
wait = "${wait}"
preempt_idle = "off"
connections = { per_address = 0 }
failures = { delay = "0s", same_password = 0 }
polls = { enforce = "off" }
blocks = { passwords_per_maildrop = 2 }
${defaults}
`;
  }

  /** Starts the process, and waits until it serves. */
  async run() {
    const log = fs.openSync(path.join(this.folder, 'log'), 'a');
    const file = path.join(this.folder, 'popgate.toml');
    this.process = spawn(POPGATE, ['serve', '--config', file], { stdio: ['ignore', log, log] });
    this.exited = once(this.process, 'exit');
    const deadline = Date.now() + READY_MS;
    while (!(await fetch(`${this.url}readyz`).then((it) => it.ok, () => false))) {
      if (Date.now() > deadline || this.process.exitCode !== null) throw new Error(`popgate does not serve:\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async halt() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  get token() {
    return fs.readFileSync(path.join(this.folder, 'admin.token'), 'utf8').trim();
  }

  log() {
    return fs.readFileSync(path.join(this.folder, 'log'), 'utf8');
  }

  /** What reads it ends before it does, and may find faults. */
  async #end() {
    try {
      for (const end of this.readers) await end();
    } finally {
      await this.halt();
      this.backend.stop();
      fs.rmSync(this.folder, { recursive: true });
    }
  }

  /** Asks the API. */
  async get(where) {
    return this.#ask(where, {});
  }

  /** Has the API do something. */
  async post(where, body) {
    const headers = { 'Content-Type': 'application/json' };
    return this.#ask(where, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #ask(where, options) {
    const headers = { ...options.headers, Authorization: `Bearer ${this.token}` };
    const response = await fetch(`${this.url}api/v1${where}`, { ...options, headers });
    if (!response.ok) throw new Error(`${where}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** A client in the mailbox of `user`, and others that wait for it. */
  async contend(user, waiting = 1, network = '203.0.113') {
    const holder = await Client.inside(this.address, user, { from: `${network}.2` });
    const waiters = [];
    for (let i = 0; i < waiting; i += 1) waiters.push(await this.wait(user, `${network}.${3 + i}`));
    return { holder, waiters };
  }

  /** Another client that waits for the mailbox of `user`. */
  wait(user, from) {
    return Client.login(this.address, user, { from });
  }

  /** A login that waits in vain for `user` while another one is in, and what its client was told. Both have ended. */
  async refuse(user, { holder = '203.0.113.2', loser = '203.0.113.3' } = {}) {
    const inside = await Client.inside(this.address, user, { from: holder });
    const outside = await this.wait(user, loser);
    const error = await outside.answer();
    await outside.quit();
    await inside.quit();
    return error;
  }

  /** The entry that the history has for `user`, the latest for which `isMeant`, once it is there. */
  kept(user, isMeant = () => true) {
    return found(async () => (await this.get(`/history?user=${encodeURIComponent(user)}`)).items.find(isMeant));
  }

  /** Waits until so many wait for the mailbox of `user`. */
  waits(user, many = 1) {
    return found(async () => {
      const { lock } = await this.get(`/users/${encodeURIComponent(user)}`);
      return (lock?.waiters.length ?? 0) === many;
    });
  }

  /** Wrong passwords, until the block list has an entry for `user` from this address. */
  async guess(user, from) {
    for (const guess of [1, 2, 3]) {
      const client = await Client.login(this.address, user, { from, password: `wrong guess${guess}` });
      await client.answer().catch(() => {});
      client.leave();
    }
  }
}
