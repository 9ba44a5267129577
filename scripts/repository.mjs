// Writes the repository's address into every manifest: `node scripts/repository.mjs URL`. With `--check`, fails where
// there is still the placeholder, which no registry can resolve, or no address.
import { crates, packages, update } from "./manifests.mjs";

const PLACEHOLDER = "https://repository.invalid/websocket-component";
/** In a Cargo.toml, which has none before: it would be a part of what `pkg/` is made of. */
const REPOSITORY = /^repository = ".*"$/m;
const [argument] = process.argv.slice(2);
const check = argument === "--check";
if (argument === undefined || (!check && !/^https:\/\/\S+$/.test(argument))) {
  console.error("usage: node scripts/repository.mjs URL | --check");
  process.exit(2);
}

const results = [
  ...packages.map((file) =>
    check ? update(file, (text) => text.replace(PLACEHOLDER, ""), true) : update(file, inPackage),
  ),
  ...crates.map((file) => update(file, check ? (text) => (REPOSITORY.test(text) ? text : "") : inCrate, check)),
];
if (results.includes(false)) process.exit(1);

function inPackage(text) {
  const { homepage, ...manifest } = JSON.parse(text);
  const url = argument.replace(/\/$/, "");
  const directory = manifest.repository?.directory;
  const addresses = {
    homepage: `${url}#readme`,
    repository: { type: "git", url: `git+${url}.git`, ...(directory && { directory }) },
    bugs: { url: `${url}/issues` },
  };
  return `${JSON.stringify({ ...manifest, ...addresses }, null, 2)}\n`;
}

function inCrate(text) {
  const line = `repository = "${argument.replace(/\/$/, "")}"`;
  return REPOSITORY.test(text) ? text.replace(REPOSITORY, line) : text.replace(/^license = .*$/m, `$&\n${line}`);
}
