// A reporter of `node:test` that ends the process at the first test that fails: status 3 if its time was up, else 1.
export default async function* firstFailure(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail" || data.todo !== undefined) continue;
    process.exit(data.details.error?.failureType === "testTimeoutFailure" ? 3 : 1);
  }
  yield "";
}
