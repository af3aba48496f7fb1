// Finished answers in the memory of the process, as one writes a cache by
// hand: body, gzip form and ETag, made once, good for an hour. The headers of
// each form are made beforehand as well.
const { createHash } = require("crypto");
const { gzipSync } = require("zlib");

const TTL_MS = 3600e3;
const GZIP_MIN = 500;
const kept = new Map();

function finished(value, now) {
  const body = Buffer.from(JSON.stringify(value));
  const tag = createHash("sha1").update(body).digest("hex").slice(0, 16);
  const gzip = body.length < GZIP_MIN ? null : gzipSync(body, { level: 6 });
  const form = (ending, bytes, extra) => {
    const headers = { ETag: `"${tag}${ending}"`, Vary: "Accept-Encoding" };
    return {
      tag: headers.ETag,
      same: { status: 304, headers, body: undefined },
      full: {
        status: 200,
        headers: { ...headers, "Content-Type": "application/json", ...extra },
        body: bytes,
      },
    };
  };
  return {
    until: now + TTL_MS,
    identity: form("", body, {}),
    gzip: gzip && form("-gz", gzip, { "Content-Encoding": "gzip" }),
  };
}

// What to answer: {status, headers, body}. `make` gives the value if nothing
// is kept under the key; the other two are the request's header fields.
function answerOf(key, make, acceptEncoding, ifNoneMatch) {
  const now = Date.now();
  let answer = kept.get(key);
  if (!answer || answer.until <= now) {
    answer = finished(make(), now);
    kept.set(key, answer);
  }
  const form = answer.gzip && acceptEncoding && /\bgzip\b/.test(acceptEncoding)
    ? answer.gzip : answer.identity;
  return ifNoneMatch && ifNoneMatch.includes(form.tag) ? form.same : form.full;
}

// Who a header field Authorization names, asked of `find` once a minute.
const users = new Map();
function userOf(authorization, find) {
  const now = Date.now();
  let user = users.get(authorization);
  if (!user || user.until <= now) {
    user = { who: find(authorization), until: now + 60e3 };
    users.set(authorization, user);
  }
  return user.who;
}

module.exports = { answerOf, userOf };
