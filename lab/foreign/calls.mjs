// What each TypeScript client does: see python/calls.py.
const CALLERS = 3;
const SECONDS = 55;
const SECONDS_TO_RECOVER = 30;
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

export async function run(Client, Transport, callTool) {
  const seen = { answered: 0, errors: 0, hung: 0, slowest: 0, lost: "", messages: {} };
  const client = new Client({ name: "foreign", version: "1" });
  await client.connect(new Transport(new URL(process.argv[2])));
  console.log("ready");
  let stopped = false;
  process.stdin.resume().on("end", () => { stopped = true; });

  async function one(name, args) {
    const began = Date.now();
    const timer = setTimeout(() => { seen.hung += 1; }, SECONDS * 1000);
    try {
      const options = Math.random() < 0.5 ? { onprogress() {} } : {};
      const result = await callTool(client, { name, arguments: args }, options);
      seen[result.isError ? "errors" : "answered"] += 1;
      return !result.isError;
    } catch (error) {
      const text = String(error.message).slice(0, 80);
      seen.messages[text] = (seen.messages[text] ?? 0) + 1;
      seen.errors += 1;
      return false;
    } finally {
      clearTimeout(timer);
      seen.slowest = Math.max(seen.slowest, (Date.now() - began) / 1000);
    }
  }

  async function caller() {
    while (!stopped) {
      const steps = Math.floor(Math.random() * 3);
      if (Math.random() < 0.5) await one("count_reading", { steps });
      else await one("count_writing", { run: `foreign-${Math.random()}`, steps });
      await sleep(Math.random() * 0.1);
    }
  }

  await Promise.all(Array.from({ length: CALLERS }, caller));
  const deadline = Date.now() + SECONDS_TO_RECOVER * 1000;
  while (!(await one("count_reading", { steps: 0 }))) {
    if (Date.now() > deadline) { seen.lost = "no call is answered any more"; break; }
    await sleep(0.2);
  }
  console.log(JSON.stringify(seen));
  process.exit(0);
}
