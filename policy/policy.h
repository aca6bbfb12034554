/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The policy engine: what the rest of the product sees of it.
 *
 *     documents --policy_compile()--> image (flat bytes) --policy_image_open()--> view
 *     action, resource --policy_op_parse()--> canonical operation
 *     policy_evaluate(view, operation, subject, now) --> verdict
 *
 * Evaluation is pure: no I/O, no clock, no allocation, no state. The image is position-independent
 * (offsets, no pointers), so that one process compiles it into a sealed memfd and others map it
 * read-only; the view trusts nothing in it that policy_image_open() has not checked.
 *
 * Semantics: docs/POLICY.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/str.h"
#include "common/text.h"

/* --- operations ------------------------------------------------------------------------------ */

enum policy_family {
	FAMILY_NET = 1, /* net:connect:tcp|udp, ssh:connect   on net:domain:..., net:ip:... */
	FAMILY_FS,      /* fs:read|write, fs:mount:read|write on fs:path:... */
	FAMILY_PROC,    /* proc:exec                          on proc:path:... */
	FAMILY_HTTP,    /* http:request:METHOD                on http:url:... */
	FAMILY_TOOL,    /* tool:invoke                        on tool:name:... */
};

enum policy_action {
	POLICY_CONNECT_TCP = 1,
	POLICY_CONNECT_UDP,
	POLICY_SSH_CONNECT,
	POLICY_READ,
	POLICY_WRITE,
	POLICY_MOUNT_READ,
	POLICY_MOUNT_WRITE,
	POLICY_EXEC,
	POLICY_HTTP_REQUEST,
	POLICY_TOOL_INVOKE,
};

/* A canonical operation. Slices point into buf; do not copy the struct by assignment. */
struct policy_op {
	enum policy_family family;
	enum policy_action action;
	struct str action_name; /* canonical, e.g. "net:connect:tcp" */
	struct str resource;    /* canonical, e.g. "net:domain:example.com:443" */
	struct str target;      /* without its kind, for resource_id: "example.com:443" */
	struct str method;      /* FAMILY_HTTP: "GET" */
	struct str host;        /* NET, HTTP: lower case, no trailing dot; empty for an IP */
	struct str path;        /* FS, PROC: absolute, clean; HTTP: path; TOOL: the name */
	struct str scheme;      /* HTTP */
	uint8_t ip[16];         /* NET, HTTP with ip_bytes != 0; IPv4-mapped IPv6 is IPv4 */
	uint8_t ip_bytes;       /* 0, 4 or 16 */
	uint16_t port;          /* NET, HTTP: 1 to 65535 */
	char buf[2 * LIMIT_RESOURCE + 512];
};

/*
 * Bring a request's action and resource into the one canonical form. -EINVAL and *ret_why (static
 * text, e.g. "port must be 1 to 65535") when they name nothing that exists.
 */
int
policy_op_parse(struct policy_op *op, struct str action, struct str resource, const char **ret_why);

/* --- subjects -------------------------------------------------------------------------------- */

struct policy_attribute {
	struct str key, value;
};

/*
 * Who asks, as far as it may be believed: the caller leaves out (STR_NONE) every claim of a client
 * that is not a trusted enforcement point.
 */
struct policy_subject {
	struct str user;
	struct str groups[LIMIT_GROUPS];
	struct str sandbox, agent, client;
	const struct policy_attribute *context;
	uint16_t n_groups, n_context;
	bool more_groups; /* groups holds only some: not to be found there means nothing */
};

/* --- images ---------------------------------------------------------------------------------- */

struct policy_image {
	const uint8_t *base;
	size_t size;
};

/*
 * Check header, version, checksum and every offset and length once. -EINVAL with *ret_why (static).
 * base must stay mapped and unchanged as long as the view is used; it must be 8-byte aligned.
 */
int
policy_image_open(struct policy_image *img, const void *base, size_t size, const char **ret_why);

struct str policy_image_revision(const struct policy_image *img);
struct str policy_image_org_id(const struct policy_image *img);   /* STR_NONE when not configured */
struct str policy_image_org_name(const struct policy_image *img); /* same */

/* Local account names as they were at compile time. STR_NONE / 0 when the uid is unknown. */
struct str policy_image_user(const struct policy_image *img, uint32_t uid);
/* Group names of a local account, at most cap of them. Returns how many; *ret_more: there are others. */
size_t policy_image_groups(
    const struct policy_image *img, uint32_t uid, struct str *ret, size_t cap, bool *ret_more);

enum policy_source {
	SOURCE_ORG = 1,
	SOURCE_HOST,
	SOURCE_SANDBOX,
};

enum policy_mode {
	POLICY_ENFORCE = 1,
	POLICY_WARN,
	POLICY_AUDIT,
};

/* One rule as an operator wrote it, for listings. */
struct policy_rule_view {
	struct str policy_id, policy_name, rule_id, rule_name;
	enum policy_source source;
	enum policy_mode mode;
	bool deny;
	bool inactive;   /* an allow of a host or sandbox source while an org source is loaded */
	int64_t expires; /* us since 1970; INT64_MAX: never */
	uint32_t n_actions, n_resources;
};
uint32_t policy_image_policies(const struct policy_image *img);
uint32_t policy_image_rules(const struct policy_image *img);
void policy_image_rule(const struct policy_image *img, uint32_t i, struct policy_rule_view *ret);
struct str policy_image_rule_action(const struct policy_image *img, uint32_t i, uint32_t k);
struct str policy_image_rule_resource(const struct policy_image *img, uint32_t i, uint32_t k);

/* --- evaluation ------------------------------------------------------------------------------ */

/* One of the two verdicts of an evaluation; ids are STR_NONE when no rule decided. */
struct policy_finding {
	bool allow;
	enum policy_mode mode;
	struct str policy_id, rule_id;
};

struct policy_verdict {
	struct policy_finding answer; /* what the client is told: enforce policies alone */
	struct policy_finding record; /* on record: denies of warn and audit policies count, too */
};

/* now: us since 1970 UTC. */
void policy_evaluate(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct policy_verdict *ret);

/* What becomes of a rule whose actions and patterns match a request. */
enum policy_part {
	PART_ANSWER,   /* it decides the answer (and, unless another does, the record) */
	PART_RECORD,   /* it decides what is on record, not the answer */
	PART_OUTVOTED, /* an allow, and a deny matches */
	PART_LATER,    /* it says what an earlier rule says already */
	PART_WATCHED,  /* of a warn or audit policy, and does not come into it */
	PART_INACTIVE,
	PART_EXPIRED,
	PART_FALSE,   /* scope or when does not hold */
	PART_MISSING, /* an allow: what scope or when asks for is missing */
	PART_KINDS,
};

/*
 * All of an evaluation: the verdict, and in load order each rule whose actions and patterns match. It
 * reads all rules one after the other, without the index; the verdict is the same.
 */
typedef void policy_explain_cb(uint32_t rule, enum policy_part part, void *arg);
void policy_explain(const struct policy_image *img, const struct policy_op *op,
    const struct policy_subject *subject, int64_t now, struct policy_verdict *ret,
    policy_explain_cb *each, void *arg);

/*
 * The reason of a denial, exactly as contracts fix it:
 *   denied by rule RULE_ID in policy POLICY_ID for op(action=..., resource=...)
 *   no applicable policies for op(action=..., resource=...)
 */
void policy_reason(struct text *t, const struct policy_op *op, const struct policy_finding *f);

/* --- compiling ------------------------------------------------------------------------------- */

#define POLICY_COMPLAINTS 32

/* One thing that is wrong (or, from lint, doubtful) in a document. */
struct policy_complaint {
	char file[256];
	uint32_t line, column; /* from 1; 0: about the whole file */
	char text[256];
};

struct policy_report {
	uint32_t n;       /* complaints kept */
	uint32_t dropped; /* complaints beyond POLICY_COMPLAINTS */
	struct policy_complaint complaint[POLICY_COMPLAINTS];
	uint32_t policies, rules, tests; /* seen; tests: run */
};

struct policy_text {
	const char *file; /* for complaints */
	struct str text;
};

/* Where policies look up named time zones: zeroed, they can name none. */
struct policy_zones {
	bool there;
	int directory; /* descriptor, O_PATH; the files beneath are read when a policy names them */
	const char *why; /* if not there: static; NULL: there is no database */
};

/* Texts of one policy file, or of every *.json of a directory in byte order of the names. */
struct policy_texts {
	struct policy_text *v;
	size_t n;
	char *failed; /* the file that could not be read */
	struct policy_zones zones;
};
/*
 * -errno; *ret_why_file names the file that could not be read (owned by the texts or static), so
 * policy_texts_free() is due in any case. -EFBIG: over LIMIT_POLICY_BYTES in all. In a directory
 * names that begin with a dot are passed over, and what is no regular file is -EINVAL or -EISDIR; a
 * directory without documents gives no texts (which policy_compile() complains about). Opens the
 * system's time zone database, too, if there is one.
 */
int
policy_texts_read(struct policy_texts *texts, const char *file_or_dir, const char **ret_why_file);
/* What such an error means (static, or of the C library). */
const char *policy_texts_fault(int error);
void policy_texts_free(struct policy_texts *texts);

struct accounts;
struct policy_compile_options {
	bool accounts; /* take in /etc/passwd and /etc/group */
	const struct accounts
	    *known;     /* those that were read before (policy/accounts.h); NULL: read them */
	bool run_tests; /* a failing embedded test is a complaint and refuses the policy */
	int64_t now;    /* us; tests without a time of their own are run at this moment */
};

/*
 * Compile documents, merged in order, into an image (malloc'ed, caller frees). 0, or -EINVAL with
 * at least one complaint in *report, -ENOMEM. report is reset first. The revision of the image is
 * that of the documents (differing ones joined with '+'), else "sha256:" and 16 hex digits of the
 * texts' hash.
 */
int policy_compile(const struct policy_texts *texts, const struct policy_compile_options *options,
    uint8_t **ret_image, size_t *ret_size, struct policy_report *report);

/* Doubtful but valid: duplicate, shadowed, expired, inactive, very wide rules. Adds to report. */
int policy_lint(const struct policy_texts *texts, int64_t now, struct policy_report *report);
