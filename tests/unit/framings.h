/*
 * framings: bytes that are a request, or that must be refused, and the outcome
 * of each. A table for test_request; the numbers of its limits stand here.
 */
#ifndef PRONG_TEST_FRAMINGS_H
#define PRONG_TEST_FRAMINGS_H

#include "worker/http/request.h"

static const struct request_limits limits = {
    .line = 100, .fields = 4, .field_size = 60, .body = 20};

/* Raw bytes and what becomes of them. A literal may hold a NUL. */
struct framing {
    const char *bytes;
    size_t len;
    int status; /* of the refusal; 0: complete */
    enum request_verb verb;
    const char *path;  /* decoded; null is not looked at */
    const char *query; /* as sent */
    const char *body;
    bool close; /* the connection must end */
    int old;    /* 1: HTTP/1.0 */
};

#define RAW(s)        .bytes = (s), .len = sizeof(s) - 1
#define LINE(s)       RAW(s "\r\nHost: a\r\n\r\n")
#define BODY(s, body) RAW("POST / HTTP/1.1\r\nHost: a\r\n" s "\r\n" body)
#define FIELD(s)      BODY(s, "")
#define LENGTH(s)     BODY("Content-Length:" s "\r\n", "abcde")
#define CODING(s)     BODY("Transfer-Encoding:" s "\r\n", "0\r\n\r\n")
#define CHUNKS(s)     BODY("Transfer-Encoding: chunked\r\n", s)

static const struct framing framings[] = {
    /* request lines */
    {LINE("GET / HTTP/1.1"), .path = "/"},
    {LINE("HEAD /a/b HTTP/1.1"), .verb = VERB_HEAD, .path = "/a/b"},
    {LINE("PATCH /a HTTP/1.1"), .verb = VERB_PATCH},
    {LINE("PROPFIND /a HTTP/1.1"), .verb = VERB_OTHER},
    {RAW("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")},
    {LINE("GET / HTTP/1.0"), .close = true, .old = 1},
    {RAW("GET / HTTP/1.0\r\n\r\n"), .close = true, .old = 1},
    {RAW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), .old = 1},
    {RAW("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), .close = true,
     .old = 1},
    {RAW("GET /\r\n\r\n"), .status = 505},
    {LINE("GET / HTTP/0.9"), .status = 505},
    {LINE("GET / HTTP/1.2"), .status = 505},
    {LINE("GET / HTTP/2.0"), .status = 505},
    {LINE("GET / HTTP/1.1x"), .status = 505},
    {LINE("GET / HTTP/1.1 "), .status = 505},
    {RAW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .status = 505},
    {LINE("GET / http/1.1"), .status = 400},
    {LINE("GET / RTSP/1.0"), .status = 400},
    {LINE("OPTIONS / RTSP/1.0"), .status = 400},
    {LINE("SOURCE / ICE/1.0"), .status = 400},
    {LINE("GET  / HTTP/1.1"), .status = 400},
    {LINE("GET /  HTTP/1.1"), .status = 400},
    {LINE("GET /a b HTTP/1.1"), .status = 400},
    {LINE("GET /\tHTTP/1.1"), .status = 400},
    {LINE("GET\t/ HTTP/1.1"), .status = 501},
    {LINE(" GET / HTTP/1.1"), .status = 400},
    {LINE("get / HTTP/1.1"), .status = 400},
    {LINE("GETT / HTTP/1.1"), .status = 501},
    {LINE("BREW / HTTP/1.1"), .status = 501},
    {LINE("CONNECT a:80 HTTP/1.1"), .status = 501},
    {LINE("TRACE / HTTP/1.1"), .status = 501},
    {RAW("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},
    {RAW("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},
    {RAW("\x16\x03\x01\x02"), .status = 400}, /* TLS */
    {RAW("\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .status = 400},

    /* targets */
    {LINE("GET /a?b=c?d HTTP/1.1"), .path = "/a", .query = "b=c?d"},
    {LINE("GET /%41/../b%2Fc/. HTTP/1.1"), .path = "/b/c/"},
    {LINE("GET http://h:80/a?b HTTP/1.1"), .path = "/a", .query = "b"},
    {LINE("GET HTTPS://h HTTP/1.1"), .path = "/"},
    {LINE("GET http://h?b HTTP/1.1"), .path = "/", .query = "b"},
    {LINE("OPTIONS * HTTP/1.1"), .verb = VERB_OPTIONS, .path = "/"},
    {LINE("GET * HTTP/1.1"), .status = 400},
    {LINE("OPTIONS *x HTTP/1.1"), .status = 400},
    {LINE("GET a HTTP/1.1"), .status = 400},
    {LINE("GET http:///a HTTP/1.1"), .status = 400},
    {LINE("GET http://u@h/a HTTP/1.1"), .status = 400},
    {LINE("GET ftp://h/a HTTP/1.1"), .status = 400},
    {LINE("GET /a#b HTTP/1.1"), .status = 400},
    {LINE("GET /a\x01 HTTP/1.1"), .status = 400},
    {LINE("GET /a\0 HTTP/1.1"), .status = 400},
    {LINE("GET /\xc3\xa9 HTTP/1.1"), .status = 400},
    {LINE("GET /a%0 HTTP/1.1"), .status = 400},
    {LINE("GET /a%00 HTTP/1.1"), .status = 400},
    {LINE("GET /a?b=%0g HTTP/1.1"), .status = 400},
    {LINE("GET /a/../.. HTTP/1.1"), .status = 400},
    {LINE("GET /%2e%2E HTTP/1.1"), .status = 400},

    /* fields */
    {FIELD("X:y\r\n"), .verb = VERB_POST},
    {FIELD("X: \xff\r\n"), .verb = VERB_POST},
    {FIELD("X:\r\n"), .verb = VERB_POST},
    {RAW("GET / HTTP/1.1\r\nhOST:\t a:80 \t\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\nHost:\r\n\r\n")},
    {RAW("GET / HTTP/1.1\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a\x80\r\n\r\n"), .status = 400},
    {FIELD("Host: a\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), .status = 400},
    {FIELD("X: y\r\n z\r\n"), .status = 400},
    {FIELD("X: y\r\n\tz\r\n"), .status = 400},
    {FIELD("X\r\n"), .status = 400},
    {FIELD(": y\r\n"), .status = 400},
    {FIELD("X(): y\r\n"), .status = 400},
    {FIELD("X\x80: y\r\n"), .status = 400},
    {FIELD("X: \0\r\n"), .status = 400},
    {FIELD("X: \x01\r\n"), .status = 400},
    {FIELD("X: \x7f\r\n"), .status = 400},
    {FIELD("X: y\n"), .status = 400},
    {FIELD("X: y\r"), .status = 400},
    {FIELD("X: y\rZ: y\r\n"), .status = 400},
    {FIELD("X: y\r\r\n"), .status = 400},
    {FIELD("\n"), .status = 400},
    {RAW("GET / HTTP/1.1\nHost: a\n\n"), .status = 400},
    {RAW("GET / HTTP/1.1\r\nHost: a\r\n\n"), .status = 400},
    {FIELD("Connection: close\r\n"), .verb = VERB_POST, .close = true},
    {FIELD("Connection: x , Close\r\n"), .verb = VERB_POST, .close = true},
    {FIELD("Connection: Upgrade\r\nUpgrade: h2c\r\n"), .verb = VERB_POST},
    {FIELD("Expect: nothing\r\n"), .status = 417},
    {FIELD("Content-Type: a/b\r\nContent-Type: a/b\r\n"), .status = 400},

    /* lengths */
    {LENGTH(" 5"), .verb = VERB_POST, .body = "abcde"},
    {LENGTH("\t005 "), .verb = VERB_POST, .body = "abcde"},
    {LENGTH(" 5\r\nConnection: Upgrade\r\nUpgrade: x"), .verb = VERB_POST,
     .body = "abcde"},
    {FIELD("Content-Length: 0\r\n"), .verb = VERB_POST, .body = ""},
    {LENGTH(" 21"), .status = 413},
    {LENGTH(" 18446744073709551615"), .status = 413},
    {LENGTH(" 18446744073709551621"), .status = 400},
    {LENGTH(" -5"), .status = 400},
    {LENGTH(" +5"), .status = 400},
    {LENGTH(" 0x5"), .status = 400},
    {LENGTH(" 5.0"), .status = 400},
    {LENGTH(" 5 5"), .status = 400},
    {LENGTH(" 5, 5"), .status = 400},
    {LENGTH(" 5,"), .status = 400},
    {LENGTH(""), .status = 400},
    {LENGTH(" "), .status = 400},
    {LENGTH(" five"), .status = 400},
    {LENGTH(" 5\r\nContent-Length: 5"), .status = 400},
    {LENGTH(" 5\r\nContent-Length: 6"), .status = 400},
    {LENGTH(" 5\r\nTransfer-Encoding: chunked"), .status = 400},
    {LENGTH(" 5\r\nTransfer-Encoding: identity"), .status = 400},
    {BODY("Content-Length : 5\r\n", "abcde"), .status = 400},

    /* codings */
    {CODING(" chunked"), .verb = VERB_POST, .body = ""},
    {CODING("\tCHUNKED  "), .verb = VERB_POST, .body = ""},
    {CODING(" "), .status = 501},
    {CODING(" identity"), .status = 501},
    {CODING(" gzip, chunked"), .status = 501},
    {CODING(" chunked, chunked"), .status = 400},
    {CODING(" chunked, gzip"), .status = 400},
    {CODING(" chunked,"), .status = 400},
    {CODING(" xchunked"), .status = 501},
    {CODING(" chunked;q=1"), .status = 501},
    {CODING(" \x0b"
            "chunked"),
     .status = 400},
    {CODING(" \"chunked\""), .status = 501},
    {CODING(" chunked\r\nTransfer-Encoding: chunked"), .status = 400},
    {CODING(" chunked\r\nTransfer-Encoding: x"), .status = 400},
    {CODING(" chunked\r\nContent-Length: 5"), .status = 400},
    {RAW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     .status = 400},

    /* chunks */
    {CHUNKS("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), .verb = VERB_POST,
     .body = "abcde"},
    {CHUNKS("3;a=\"b;\";c\r\nabc\r\n00;x\r\nT: v\r\nU:\r\n\r\n"),
     .verb = VERB_POST, .body = "abc"},
    {CHUNKS("a\r\n0\r\n\r\n12345\r\nA\r\n6789012345\r\n0\r\n\r\n"),
     .verb = VERB_POST, .body = "0\r\n\r\n123456789012345"},
    {CHUNKS("0000000000000000000000003\r\nabc\r\n0\r\n\r\n"), .verb = VERB_POST,
     .body = "abc"},
    {CHUNKS("0\r\nContent-Length: 9\r\nHost: b\r\n\r\n"), .verb = VERB_POST,
     .body = ""},
    {CHUNKS("15\r\n"), .status = 413},
    {CHUNKS("14\r\n01234567890123456789\r\n1\r\n"), .status = 413},
    {CHUNKS("ffffffffffffffff\r\n"), .status = 413},
    {CHUNKS("10000000000000003\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\rabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a\nb\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a\r\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3 \r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS(" 3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("0x3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("-3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("+3\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS(";a\r\nabc\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabcd\r\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc\n0\r\n\r\n"), .status = 400},
    {CHUNKS("3\r\nabc\r0\r\n\r\n"), .status = 400},
    {CHUNKS("0\n\r\n"), .status = 400},
    {CHUNKS("0\r\n\n"), .status = 400},
    {CHUNKS("0\r\nT: v\n\r\n"), .status = 400},
    {CHUNKS("0\r\nT: v\r\n w\r\n\r\n"), .status = 400},
    {CHUNKS("0\r\nT\r\n\r\n"), .status = 400},
    {CHUNKS("0\r\nTransfer-Encoding: chunked\r\n\r\n"), .status = 400},

    /* limits: line 100, field 60, fields 4, body 20 */
    {LINE("GET /01234567890123456789012345678901234567890123456789012345678901"
          "234567890123456789012345 HTTP/1.1")},
    {LINE("GET /01234567890123456789012345678901234567890123456789012345678901"
          "2345678901234567890123456 HTTP/1.1"),
     .status = 414},
    {FIELD("X: 012345678901234567890123456789012345678901234567890123456\r\n"),
     .verb = VERB_POST},
    {FIELD("X: 0123456789012345678901234567890123456789012345678901234567\r\n"),
     .status = 431},
    {FIELD("A: 1\r\nB: 2\r\nC: 3\r\n"), .verb = VERB_POST},
    {FIELD("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"), .status = 431},
};

enum { FRAMINGS = sizeof framings / sizeof *framings };

#endif
