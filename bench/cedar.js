// SPDX-License-Identifier: Apache-2.0
// The rules and requests of bench_policy, evaluated by Cedar.
//     node cedar.js MODULE RULES REQUESTS SECONDS
// MODULE is the directory of @cedar-policy/cedar-wasm; RULES and REQUESTS are what bench_policy prints.
// Prints: ms to parse; requests evaluated; ns of the median evaluation; answers that are not the same.
// Policies are parsed before; a call holds principal, action, resource and a small context.
'use strict';
const fs = require('fs');
const cedar = require(process.argv[2]);
const [rules, requests] = process.argv.slice(3, 5).map((f) => fs.readFileSync(f, 'utf8').trimEnd().split('\n').map((l) => l.split('\t')));
const seconds = Number(process.argv[5]);

function when(pattern, action) {
	if (action === 'read')
		return ['', `context has path && context.path like "${pattern.replace('/**', '/*')}"`];
	const below = /^(\*\*?)\.(.*)$/.exec(pattern);
	if (below) {
		const deep = `context has host && context.host like "*.${below[2]}"`;
		return ['', below[1] === '**' ? deep : `${deep} && !(context.host like "*.*.${below[2]}")`];
	}
	if (pattern.includes('/'))
		return ['', `context has ip && context.ip.isInRange(ip("${pattern}"))`];
	const [host, port] = pattern.split(':');
	return [` == Host::"${host}"`, port ? `context.port == ${port}` : ''];
}

function policy([decision, action, pattern]) {
	const [resource, condition] = when(pattern, action);
	return `${decision === 'allow' ? 'permit' : 'forbid'}(principal, action == Action::"${action}", resource${resource})` +
		(condition ? ` when { ${condition} };` : ';');
}

function call([action, resource]) {
	const ask = {
		principal: { type: 'User', id: 'builder' },
		action: { type: 'Action', id: action === 'fs:read' ? 'read' : 'connect:tcp' },
		preparsedPolicySetId: 'bench', validateRequest: false, entities: [],
	};
	if (action === 'fs:read') {
		const path = resource.slice('fs:path:'.length);
		return { ...ask, resource: { type: 'File', id: path }, context: { path } };
	}
	const [, kind, host, port] = /^net:(ip|domain):\[?(.*?)\]?:(\d+)$/.exec(resource);
	const context = { port: Number(port) };
	if (kind === 'ip')
		context.ip = { __extn: { fn: 'ip', arg: host } };
	else
		context.host = host;
	return { ...ask, resource: { type: kind === 'ip' ? 'Address' : 'Host', id: host }, context };
}

const began = process.hrtime.bigint();
const policies = Object.fromEntries(rules.map((rule, i) => [`r${i}`, policy(rule)]));
const parsed = cedar.preparsePolicySet('bench', { staticPolicies: policies, templates: {}, templateLinks: [] });
if (parsed.type !== 'success')
	throw new Error(JSON.stringify(parsed.errors[0]));
const ready = process.hrtime.bigint();
const took = [];
let other = 0;
for (const request of requests) {
	const ask = call(request), from = process.hrtime.bigint();
	const answer = cedar.statefulIsAuthorized(ask);
	took.push(Number(process.hrtime.bigint() - from));
	if (answer.type !== 'success')
		throw new Error(JSON.stringify(answer.errors[0]));
	other += answer.response.decision !== request[2];
	if (process.hrtime.bigint() - ready > seconds * 1e9)
		break;
}
took.sort((a, b) => a - b);
console.log(Math.round(Number(ready - began) / 1e6), took.length, took[took.length >> 1], other);
