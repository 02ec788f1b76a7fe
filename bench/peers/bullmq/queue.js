// peers/bullmq/queue.js: BullMQ: jobs put one by one and 128 at a time (addBulk); a worker of 128 jobs at once, in the
// same process. Jobs that are done are removed, as ours are.
'use strict';
const { Queue, Worker } = require('bullmq');
const Redis = require('ioredis');
const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const MANY = 128, FEW_ITEMS = 5000, ITEMS = 400 * MANY, SAMPLES = 2000;
const ITEM = 'x'.repeat(64);
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const now = () => Number(process.hrtime.bigint()) / 1e9;
const say = (row, value) => console.log(`${row}\t${value.toPrecision(9)}`);

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

// The program ends with it: a lost connection would be reported otherwise.
async function withServer(measure) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-bullmq-'));
  const socket = path.join(folder, 'socket');
  const server = spawn(process.env.REDIS_SERVER || 'redis-server',
    ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], { stdio: 'ignore' });
  try {
    while (!fs.existsSync(socket)) await sleep(20);
    // null: BullMQ requires it for the connection of a worker
    await measure(() => new Redis({ path: socket, maxRetriesPerRequest: null }));
  } finally {
    server.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true });
  }
}

async function usedMemory(connection) {
  return Number(/used_memory:(\d+)/.exec(await connection.info('memory'))[1]);
}

// ---- measurements

async function measureOne(connect) {
  const queue = new Queue('bench', { connection: connect() });
  await queue.waitUntilReady();
  const begun = now();
  for (let i = 0; i < FEW_ITEMS; i++) await queue.add('job', ITEM, OPTIONS);
  say('put/1', FEW_ITEMS / (now() - begun));
}

async function putMany(queue) {
  const job = { name: 'job', data: ITEM, opts: OPTIONS };
  for (let i = 0; i < ITEMS / MANY; i++) await queue.addBulk(Array(MANY).fill(job));
}

// Resolves when it has taken all items and has reported them.
async function takeAll(connect) {
  let done = 0;
  await new Promise((resolve) => {
    const worker = new Worker('bench', async () => {}, { connection: connect(), concurrency: MANY });
    worker.on('completed', () => { if (++done === ITEMS) resolve(); });
  });
}

async function measureMany(connect) {
  const connection = connect();
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  const before = await usedMemory(connection);
  let begun = now(), used = cpu();
  await putMany(queue);
  say('put/128', ITEMS / (now() - begun));
  say('put cpu/128', (cpu() - used) * 1e6 / ITEMS);
  say('bytes an item', (await usedMemory(connection) - before) / ITEMS - ITEM.length);
  begun = now(), used = cpu();
  await takeAll(connect);
  say('get+done/128', ITEMS / (now() - begun));
  say('get+done cpu/128', (cpu() - used) * 1e6 / ITEMS);
}

// From the call of add to the call of the worker's function.
async function measureLatency(connect) {
  const queue = new Queue('bench', { connection: connect() });
  const putAt = [], gotAt = [];
  const worker = new Worker('bench', async () => { gotAt.push(now()); }, { connection: connect() });
  await worker.waitUntilReady();
  await sleep(200);
  for (let i = 0; i < SAMPLES; i++) {
    putAt.push(now());
    await queue.add('job', ITEM, OPTIONS);
    while (gotAt.length <= i) await sleep(1);
  }
  const times = putAt.map((at, i) => (gotAt[i] - at) * 1e6).sort((a, b) => a - b);
  say('latency p50', times[SAMPLES / 2]);
  say('latency p99', times[SAMPLES / 100 * 99]);
}

const MEASUREMENTS = { 'put/1': measureOne, many: measureMany, latency: measureLatency };

if (process.argv.length < 3) console.log(Object.keys(MEASUREMENTS).join('\n'));
else withServer(MEASUREMENTS[process.argv[2]]).then(() => process.exit(0));
