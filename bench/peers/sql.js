// The statements of an app's api/*.sql, so that these servers run the very
// text that Prong runs: { "GET /chefs/{id}": ["SELECT …"] }. Good for our
// own files only: it splits at every semicolon that ends a line.
const fs = require("fs");
const path = require("path");

function statements(dir) {
  const found = {};
  for (const name of fs.readdirSync(path.join(dir, "api"))) {
    if (!name.endsWith(".sql")) continue;
    const text = fs.readFileSync(path.join(dir, "api", name), "utf8");
    for (const block of text.split(/^(?=-- (?:GET|POST|PUT|PATCH|DELETE) )/m)) {
      const head = /^-- ((?:GET|POST|PUT|PATCH|DELETE) \S+)/.exec(block);
      if (!head) continue;
      found[head[1]] = block
        .replace(/^--.*$/gm, "")
        .replace(/:auth\./g, ":auth_")
        .split(/;\s*$/m)
        .map((sql) => sql.trim())
        .filter(Boolean);
    }
  }
  return found;
}

module.exports = { statements };
