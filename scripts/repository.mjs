// Writes the repository's address into every manifest: `node scripts/repository.mjs URL`. With `--check`, fails where
// there is still the placeholder, which no registry can resolve.
import { crates, packages, update } from "./manifests.mjs";

const PLACEHOLDER = "https://repository.invalid/websocket-component";
const [argument] = process.argv.slice(2);
const check = argument === "--check";
if (argument === undefined || (!check && !URL.canParse(argument))) {
  console.error("usage: node scripts/repository.mjs URL | --check");
  process.exit(2);
}

const results = [
  ...packages.map((file) => (check ? isSet(file) : update(file, inPackage))),
  ...crates.map((file) => (check ? isSet(file) : update(file, inCrate))),
];
if (results.includes(false)) process.exit(1);

function isSet(file) {
  return update(file, (text) => text.replace(PLACEHOLDER, ""), true);
}

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
  return text.replace(/^(repository|homepage) = ".*"$/gm, (_, key) => `${key} = "${argument.replace(/\/$/, "")}"`);
}
