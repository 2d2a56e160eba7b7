import assert from 'node:assert/strict';
import test from 'node:test';
import { chosen, forTitle, labelValues, ofRegex, replace } from '../page/variables.mjs';

const definition = { name: 'node', includeAll: true, multi: true, current: { value: ['$__all'] } };

test('a query gets a regular expression of the values', () => {
  const all = { node: chosen(definition, ['a.1', 'b'], undefined) };
  assert.equal(replace('up{node=~"$node"}', all), String.raw`up{node=~"(a\\.1|b)"}`);
  assert.equal(replace('up{node=~"${node}"}', { node: chosen(definition, ['a.1', 'b'], ['a.1']) }), String.raw`up{node=~"a\\.1"}`);
  assert.equal(replace('up{node=~"$node"}', { node: chosen(definition, [], undefined) }), 'up{node=~".*"}');
  assert.equal(replace('up{node=~"$node"}', { node: chosen({ ...definition, allValue: '.+' }, ['a'], undefined) }), 'up{node=~".+"}');
  assert.equal(replace('up{node="$node"}', { node: chosen({ name: 'node', current: {} }, ['a', 'b'], undefined) }), 'up{node="a"}');
});

test('a title gets the values as they are', () => {
  assert.equal(replace('Node $node', { node: chosen(definition, ['a.1', 'b'], ['a.1']) }, {}, forTitle), 'Node a.1');
  assert.equal(replace('Node $node', { node: chosen(definition, ['a.1', 'b'], undefined) }, {}, forTitle), 'Node All');
});

test('what is not known stays, and what is built in comes first', () => {
  assert.equal(replace('rate(x[$__rate_interval]) $other ${other:raw}', {}, { __rate_interval: '60s' }), 'rate(x[60s]) $other ${other:raw}');
});

test('a link carries the variables', () => {
  assert.equal(replace('/d/x?${node:queryparam}', { node: chosen(definition, ['a 1'], ['a 1']) }), '/d/x?var-node=a%201');
});

test('options are read as label_values says, and narrowed by the regex', () => {
  assert.deepEqual(labelValues('label_values(up{job=~"a,b"}, instance)'), { selector: 'up{job=~"a,b"}', label: 'instance' });
  assert.deepEqual(labelValues('label_values(job)'), { selector: undefined, label: 'job' });
  assert.equal(labelValues('query_result(up)'), null);
  assert.deepEqual(ofRegex(['envoy@dc1', 'grpc@dc2', 'other'], '/.*@(.*)/'), ['dc1', 'dc2']);
  assert.deepEqual(ofRegex(['a', 'ab'], 'a'), ['a']);
});
