/* SPDX-License-Identifier: Apache-2.0 */

/* The objects of an OCSF event: who asked, on which host, and for what. */

#include "auditlog/format_ocsf.h"
#include "auditlog/path.h"

#define OCSF_ADDRESS 40 /* bytes of an attribute of type ip_t, at most */

/* --- attributes ------------------------------------------------------------------------------ */

void
ocsf_put(struct json *j, const char *key, const struct recordline_value *v)
{
	if (!v)
		return;
	json_key(j, key);
	format_string(j->t, v);
}

void
ocsf_put_member(struct ocsf_event *e, struct json *j, const char *key, enum recordline_member m)
{
	ocsf_put(j, key, ocsf_member(e, m));
	e->placed |= UINT64_C(1) << m;
}

struct json
ocsf_object(struct json *j, const char *key)
{
	json_key(j, key);
	return json_object(j->t);
}

void
ocsf_put_object(struct ocsf_event *e, struct json *j, const char *key, const char *inner_key,
    enum recordline_member m)
{
	struct json inner;

	if (!ocsf_member(e, m))
		return;
	inner = ocsf_object(j, key);
	ocsf_put_member(e, &inner, inner_key, m);
	json_object_end(&inner);
}

/* An array of one object. */
static struct json
open_array(struct json *j, const char *key)
{
	json_key(j, key);
	text_char(j->t, '[');
	return json_object(j->t);
}

static void
close_array(struct json *inner)
{
	json_object_end(inner);
	text_char(inner->t, ']');
}

static bool
of_peer(const struct ocsf_event *e, struct str name, struct recordline_value *ret)
{
	return path_step(ocsf_member(e, MEMBER_peer), name, ret);
}

/* --- who ------------------------------------------------------------------------------------- */

static bool
has_pid(const struct ocsf_event *e, int64_t *ret)
{
	struct recordline_value v;

	return of_peer(e, STR("pid"), &v) && recordline_int(&v, ret);
}

bool
ocsf_has_actor(const struct ocsf_event *e)
{
	int64_t pid;

	return ocsf_member(e, MEMBER_username) || ocsf_member(e, MEMBER_client_name) ||
	       has_pid(e, &pid);
}

static bool
is_of(struct str s, const char *others)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);

		if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !strchr(others, s.p[i]))
			return false;
	}
	return s.n > 0;
}

/* What the type email_t takes: one @, and a point within what stands behind it. */
static bool
is_email(const struct recordline_value *v)
{
	const char *at = v && v->type == RECORDLINE_STRING ? memchr(v->p, '@', v->n) : NULL;
	struct str local, domain;
	const char *dot;

	if (!at)
		return false;
	local = (struct str){v->p, (size_t)(at - v->p)};
	domain = str_skip((struct str){v->p, v->n}, local.n + 1);
	dot = memchr(domain.p, '.', domain.n);
	return dot && dot > domain.p && dot + 1 < domain.p + domain.n &&
	       is_of(local, "!#$%&'*+,-./=?^_`{|}~") && is_of(domain, ".-");
}

/* The subject: the kernel's word, or that of a trusted enforcement point. */
static void
put_user(struct ocsf_event *e, struct json *actor)
{
	bool email = is_email(ocsf_member(e, MEMBER_user_email));
	struct json user;

	if (!ocsf_member(e, MEMBER_username))
		return;
	user = ocsf_object(actor, "user");
	ocsf_put_member(e, &user, "name", MEMBER_username);
	if (email)
		ocsf_put_member(e, &user, "email_addr", MEMBER_user_email);
	json_object_end(&user);
}

/* The client's process, and whom it runs as: always the kernel's word. */
static void
put_process(struct ocsf_event *e, struct json *actor)
{
	struct recordline_value uid, gid;
	struct json process, user, group;
	int64_t pid;

	if (!has_pid(e, &pid))
		return;
	process = ocsf_object(actor, "process");
	json_key(&process, "pid");
	text_i64(process.t, pid);
	if (of_peer(e, STR("uid"), &uid)) {
		user = ocsf_object(&process, "user");
		ocsf_put(&user, "uid", &uid);
		if (of_peer(e, STR("gid"), &gid)) {
			group = open_array(&user, "groups");
			ocsf_put(&group, "uid", &gid);
			close_array(&group);
		}
		json_object_end(&user);
	}
	json_object_end(&process);
	e->placed |= UINT64_C(1) << MEMBER_peer;
}

void
ocsf_put_actor(struct ocsf_event *e)
{
	struct json actor;

	if (!ocsf_has_actor(e))
		return;
	actor = ocsf_object(&e->top, "actor");
	put_user(e, &actor);
	put_process(e, &actor);
	ocsf_put_member(e, &actor, "app_name", MEMBER_client_name);
	json_object_end(&actor);
}

/* --- where ----------------------------------------------------------------------------------- */

static void
put_os(struct ocsf_event *e, struct json *device)
{
	struct json os;

	if (!ocsf_member(e, MEMBER_os))
		return;
	os = ocsf_object(device, "os");
	ocsf_put_member(e, &os, "name", MEMBER_os);
	json_number(&os, "type_id",
	    recordline_is(ocsf_member(e, MEMBER_os), STR("linux")) ? 200 : OCSF_UNKNOWN);
	json_object_end(&os);
}

static void
put_organization(struct ocsf_event *e, struct json *device)
{
	struct json org;

	if (!ocsf_member(e, MEMBER_org_id) && !ocsf_member(e, MEMBER_org_name))
		return;
	org = ocsf_object(device, "org");
	ocsf_put_member(e, &org, "uid", MEMBER_org_id);
	ocsf_put_member(e, &org, "name", MEMBER_org_name);
	json_object_end(&org);
}

void
ocsf_put_device(struct ocsf_event *e)
{
	struct json device;

	if (!ocsf_member(e, MEMBER_hostname))
		return;
	device = ocsf_object(&e->top, "device");
	ocsf_put_member(e, &device, "hostname", MEMBER_hostname);
	json_number(&device, "type_id", OCSF_UNKNOWN);
	put_os(e, &device);
	ocsf_put_object(e, &device, "container", "uid", MEMBER_sandbox_id);
	put_organization(e, &device);
	json_object_end(&device);
}

/* --- what ------------------------------------------------------------------------------------ */

static void
put_source(struct ocsf_event *e)
{
	ocsf_put_object(e, &e->top, "src_endpoint", "hostname", MEMBER_hostname);
}

static void
put_destination(struct ocsf_event *e, const struct outline_host *host)
{
	struct json to = ocsf_object(&e->top, "dst_endpoint");

	if (!host->address)
		json_str(&to, "hostname", host->name);
	else
		json_str(&to, host->name.n <= OCSF_ADDRESS ? "ip" : "name", host->name);
	json_number(&to, "port", host->port);
	json_object_end(&to);
}

static void
put_connection(struct ocsf_event *e)
{
	struct recordline_value protocol;
	struct json info = ocsf_object(&e->top, "connection_info");

	json_number(&info, "direction_id", 2);
	json_z(&info, "direction", "Outbound");
	if (ocsf_payload(e, "protocol", &protocol)) {
		ocsf_put(&info, "protocol_name", &protocol);
		if (recordline_is(&protocol, STR("tcp")))
			json_number(&info, "protocol_num", 6);
		else if (recordline_is(&protocol, STR("udp")))
			json_number(&info, "protocol_num", 17);
	}
	json_object_end(&info);
}

static void
put_network(struct ocsf_event *e)
{
	struct outline_host host;

	put_source(e);
	put_connection(e);
	if (!outline_host(e->r, &host))
		return;
	put_destination(e, &host);
	e->placed |= UINT64_C(1) << MEMBER_resource_id;
}

static void
put_http(struct ocsf_event *e)
{
	bool is_url;
	struct outline_url parts;
	struct json request = ocsf_object(&e->top, "http_request"), url;

	/* Other methods are no value of the attribute. */
	if (e->activity != OCSF_OTHER && e->activity != OCSF_UNKNOWN)
		ocsf_put(&request, "http_method", &e->activity_value);
	url = ocsf_object(&request, "url");
	ocsf_put_member(e, &url, "url_string", MEMBER_resource_id);
	is_url = outline_url(e->r, &parts);
	if (is_url) {
		json_str(&url, "scheme", parts.scheme);
		json_str(&url, "hostname", parts.host.name);
		json_number(&url, "port", parts.host.port);
	}
	json_object_end(&url);
	json_object_end(&request);
	put_source(e);
	if (is_url)
		put_destination(e, &parts.host);
}

/* What stands behind the last slash; all of it when nothing does. */
static struct recordline_value
last_name(const struct recordline_value *path)
{
	const char *slash = path->n > 0 ? memrchr(path->p, '/', path->n) : NULL;
	struct recordline_value name = *path;

	if (path->type != RECORDLINE_STRING || !slash || slash + 1 == path->p + path->n)
		return name;
	name.p = slash + 1;
	name.n -= (uint32_t)(name.p - path->p);
	return name;
}

static void
put_file(struct ocsf_event *e, struct json *parent)
{
	struct recordline_value name = last_name(ocsf_member(e, MEMBER_resource_id));
	struct json file = ocsf_object(parent, "file");

	ocsf_put(&file, "name", &name);
	ocsf_put_member(e, &file, "path", MEMBER_resource_id);
	json_number(&file, "type_id", OCSF_UNKNOWN);
	json_object_end(&file);
}

/* It does not run yet: it has no pid, and the request's own id is what it is known by. */
static void
put_launched(struct ocsf_event *e)
{
	struct recordline_value name = last_name(ocsf_member(e, MEMBER_resource_id));
	struct json process = ocsf_object(&e->top, "process");

	ocsf_put(&process, "uid", ocsf_member(e, MEMBER_audit_event_id));
	ocsf_put(&process, "name", &name);
	ocsf_put_member(e, &process, "path", MEMBER_resource_id);
	put_file(e, &process);
	json_object_end(&process);
}

/* The action; of what operators ask for, that. */
static bool
operation_of(const struct ocsf_event *e, struct recordline_value *ret)
{
	const struct recordline_value *action = ocsf_member(e, MEMBER_action);

	if (!action)
		return ocsf_payload(e, "request", ret);
	*ret = *action;
	return true;
}

static void
put_api(struct ocsf_event *e)
{
	struct recordline_value operation;
	struct json api = ocsf_object(&e->top, "api"), resource;

	if (operation_of(e, &operation))
		ocsf_put(&api, "operation", &operation);
	e->placed |= UINT64_C(1) << MEMBER_action;
	ocsf_put_object(e, &api, "request", "uid", MEMBER_request_id);
	json_object_end(&api);
	put_source(e);
	if (!ocsf_member(e, MEMBER_resource_id))
		return;
	resource = open_array(&e->top, "resources");
	ocsf_put_member(e, &resource, "name", MEMBER_resource_id);
	close_array(&resource);
}

/* The service itself; of one of its processes, which. */
static void
put_app(struct ocsf_event *e)
{
	struct recordline_value role;
	struct json app = ocsf_object(&e->top, "app"), feature;

	json_z(&app, "name", "Sealwright");
	json_z(&app, "vendor_name", "Sealwright");
	ocsf_put_member(e, &app, "version", MEMBER_app_version);
	if (ocsf_payload(e, "role", &role)) {
		feature = ocsf_object(&app, "feature");
		ocsf_put(&feature, "name", &role);
		json_object_end(&feature);
	}
	json_object_end(&app);
}

static void
put_finding(struct ocsf_event *e)
{
	struct json info = ocsf_object(&e->top, "finding_info");

	ocsf_put(&info, "uid", ocsf_member(e, MEMBER_audit_event_id));
	json_z(&info, "title", e->title);
	json_object_end(&info);
}

bool
ocsf_has_target(const struct ocsf_event *e)
{
	struct recordline_value operation;

	if (e->class == OCSF_API)
		return operation_of(e, &operation);
	return ocsf_member(e, MEMBER_resource_id) != NULL;
}

void
ocsf_put_target(struct ocsf_event *e)
{
	if (e->class == OCSF_NETWORK || e->class == OCSF_SSH)
		put_network(e);
	else if (e->class == OCSF_HTTP)
		put_http(e);
	else if (e->class == OCSF_FILE)
		put_file(e, &e->top);
	else if (e->class == OCSF_PROCESS)
		put_launched(e);
	else if (e->class == OCSF_API)
		put_api(e);
	else if (e->class == OCSF_LIFECYCLE)
		put_app(e);
	else if (e->class == OCSF_FINDING)
		put_finding(e);
}
