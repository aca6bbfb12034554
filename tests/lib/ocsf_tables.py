# SPDX-License-Identifier: Apache-2.0
"""What auditlog's events use of OCSF 1.7.0 and 1.8.0, written down from reading the two: in these attributes they agree.
Everything that a class or object requires is among them, so an event that keeps to this keeps to the whole. Tests
compare it with the published definitions where a copy is at hand (test_auditlog_ocsf.py)."""

from ocsf import Attribute, Schema, Shape, Type

VERSIONS = ("1.7.0", "1.8.0")

# name, ! when it is required, type ([] an array of them), @ the profile that it needs, ~ the attribute with its name
EVERY = """
    metadata ! metadata
    time ! timestamp_t
    category_uid ! integer_t ~category_name
    class_uid ! integer_t ~class_name
    class_name string_t
    type_uid ! long_t ~type_name
    activity_id ! integer_t ~activity_name
    activity_name string_t
    severity_id ! integer_t ~severity
    severity string_t
    message string_t
    status_id integer_t ~status
    status string_t
    status_detail string_t
    duration long_t
    raw_data string_t
    unmapped object
    action_id integer_t @security_control ~action
    action string_t @security_control
    disposition_id integer_t @security_control ~disposition
    disposition string_t @security_control
    firewall_rule firewall_rule @security_control
    policy policy @security_control
    actor actor @host
    device device @host
"""

# uid, name, caption: attributes of its own, or that it has without the profile
CLASSES = {
    (0, "base_event", "Base Event"): "",
    (1001, "file_activity", "File System Activity"): """
        actor ! actor
        device ! device
        file ! file""",
    (1007, "process_activity", "Process Activity"): """
        actor ! actor
        device ! device
        process ! process""",
    (2004, "detection_finding", "Detection Finding"): """
        device device
        finding_info ! finding_info""",
    (4001, "network_activity", "Network Activity"): """
        src_endpoint network_endpoint
        dst_endpoint network_endpoint
        connection_info network_connection_info
        >= dst_endpoint src_endpoint""",
    (4002, "http_activity", "HTTP Activity"): """
        http_request http_request
        src_endpoint network_endpoint
        dst_endpoint network_endpoint
        >= http_request http_response""",
    (4007, "ssh_activity", "SSH Activity"): """
        src_endpoint network_endpoint
        dst_endpoint network_endpoint
        connection_info network_connection_info
        >= dst_endpoint src_endpoint""",
    (5019, "device_config_state_change", "Device Config State Change"): """
        actor actor
        device ! device""",
    (6002, "application_lifecycle", "Application Lifecycle"): """
        app ! product""",
    (6003, "api_activity", "API Activity"): """
        actor ! actor
        api ! api
        src_endpoint ! network_endpoint
        resources resource_details[]""",
    (6008, "application_error", "Application Error"): "",
}

OBJECTS = {
    "object": "",
    "metadata": """
        version ! string_t
        product ! product
        uid string_t
        sequence integer_t
        original_time string_t
        original_event_uid string_t
        correlation_uid string_t
        type string_t
        event_code string_t
        log_name string_t
        log_provider string_t
        log_version string_t
        log_level string_t
        tenant_uid string_t
        profiles string_t[]""",
    "product": """
        name string_t
        uid string_t
        vendor_name string_t
        version string_t
        feature feature
        >= name uid""",
    "feature": """
        name string_t
        >= name uid""",
    "firewall_rule": """
        uid string_t
        >= name uid""",
    "policy": """
        uid string_t
        version string_t
        is_applied boolean_t
        >= name type uid""",
    "actor": """
        user user
        process process
        app_name string_t
        >= process user invoked_by session app_name app_uid""",
    "user": """
        name username_t
        uid string_t
        email_addr email_t
        groups group[]
        >= account name uid""",
    "group": """
        uid string_t
        >= name uid""",
    "process": """
        pid integer_t
        uid string_t
        name process_name_t
        path string_t
        file file
        user user
        >= pid uid cpid""",
    "file": """
        name ! file_name_t
        path file_path_t
        type_id ! integer_t ~type""",
    "device": """
        hostname hostname_t
        type_id ! integer_t ~type
        os os
        org organization
        container container @container
        >= ip uid name hostname instance_uid interface_uid interface_name""",
    "os": """
        name ! string_t
        type_id ! integer_t ~type""",
    "organization": """
        uid string_t
        name string_t
        >= name uid""",
    "container": """
        uid string_t
        >= uid name""",
    "network_endpoint": """
        hostname hostname_t
        ip ip_t
        name string_t
        port port_t
        >= ip uid name hostname svc_name instance_uid interface_uid interface_name domain""",
    "network_connection_info": """
        direction_id ! integer_t ~direction
        direction string_t
        protocol_name string_t
        protocol_num integer_t""",
    "http_request": """
        http_method string_t
        url url""",
    "url": """
        url_string url_t
        scheme string_t
        hostname hostname_t
        port port_t
        >= url_string path""",
    "api": """
        operation ! string_t
        request request""",
    "request": """
        uid ! string_t""",
    "resource_details": """
        name string_t
        >= name uid""",
    "finding_info": """
        uid ! string_t
        title string_t""",
}

SEEN = "0 Unknown, 99 Other"
ENUMS = {
    "severity_id": "1 Informational, 2 Low, 3 Medium, 4 High",
    "status_id": "1 Success, 2 Failure",
    "action_id": "1 Allowed, 2 Denied, 3 Observed, 99 Other",
    "disposition_id": "1 Allowed, 2 Blocked, 17 Logged, 99 Other",
    "activity_id": SEEN,
    "detection_finding.status_id": "1 New",
    "file_activity.activity_id": SEEN + ", 2 Read, 3 Update, 12 Mount",
    "process_activity.activity_id": SEEN + ", 1 Launch",
    "detection_finding.activity_id": SEEN + ", 1 Create",
    "network_activity.activity_id": SEEN + ", 1 Open",
    "ssh_activity.activity_id": SEEN + ", 1 Open",
    "http_activity.activity_id": SEEN + ", 1 Connect, 2 Delete, 3 Get, 4 Head, 5 Options, 6 Post, 7 Put, 8 Trace, 9 Patch",
    "device_config_state_change.activity_id": SEEN + ", 1 Log",
    "application_lifecycle.activity_id": SEEN + ", 3 Start, 4 Stop",
    "api_activity.activity_id": SEEN + ", 2 Read, 3 Update",
    "application_error.activity_id": SEEN + ", 1 General Error",
    "file.type_id": "0 Unknown",
    "device.type_id": "0 Unknown",
    "os.type_id": "0 Unknown, 200 Linux",
    "network_connection_info.direction_id": "2 Outbound",
    "http_request.http_method": "CONNECT Connect, DELETE Delete, GET Get, HEAD Head, OPTIONS Options, POST Post, PUT Put, TRACE Trace, PATCH Patch",
}

# The patterns are ours, and take less than the published ones do.
BYTE = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
TYPES = {
    **{name: Type(name) for name in ("string_t", "integer_t", "long_t", "boolean_t")},
    **{name: Type("string_t") for name in ("file_name_t", "file_path_t", "hostname_t", "process_name_t", "url_t", "username_t")},
    "email_t": Type("string_t", regex=r"^[\w!#$%&'*+,./=?^`{|}~-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+$"),
    "ip_t": Type("string_t", regex=rf"^({BYTE}(\.{BYTE}){{3}}|(?=.*:)[0-9A-Fa-f:]+(\d(\.{BYTE}){{3}})?)$", max_len=40),
    "port_t": Type("integer_t", range=(0, 65535)),
    "timestamp_t": Type("long_t"),
}
PROFILES = frozenset(("host", "security_control", "container"))


def _enum(shape, name):
    text = ENUMS.get(f"{shape}.{name}") or ENUMS.get(name)
    return text and dict(part.split(" ", 1) for part in text.split(", "))


def _attribute(shape, words):
    """words: of a line; the first is the name."""
    named = {word[0]: word[1:] for word in words[1:] if word[0] in "!@~"}
    kind = next(word for word in words[1:] if word[0] not in "!@~")
    return Attribute(type=kind.removesuffix("[]"), array=kind.endswith("[]"), requirement="required" if "!" in named else "optional",
                     enum=_enum(shape, words[0]), profile=named.get("@"), sibling=named.get("~"))


def _shape(uid, name, caption, text):
    attributes, constraints = {}, {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == ">=":
            constraints["at_least_one"] = words[1:]
        elif words:
            attributes[words[0]] = _attribute(name, words)
    return Shape(name=name, caption=caption, uid=uid, attributes=attributes, constraints=constraints)


def schema(version):
    """The two differ in nothing of this."""
    if version not in VERSIONS:
        raise ValueError(f"no tables of OCSF {version}")
    return Schema(version=version, classes={key[0]: _shape(*key, EVERY + text) for key, text in CLASSES.items()},
                  objects={name: _shape(0, name, None, text) for name, text in OBJECTS.items()}, types=TYPES, profiles=PROFILES)
