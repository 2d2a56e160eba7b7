// Variables of a dashboard, and what Grafana puts in their place in queries and titles.

// A variable's value as text in a query to Prometheus: of several values, a regular expression.
export function forQuery(variable) {
  const { values, all, allValue, multi } = variable;
  if (all) return allValue || (values.length === 0 ? '.*' : alternatives(values));
  return multi ? alternatives(values) : (values[0] ?? '');
}

// A variable's value as text in a title.
export function forTitle(variable) {
  return variable.all ? 'All' : variable.values.join(' + ');
}

function alternatives(values) {
  const escaped = values.map(v => v.replace(/[\\^$*+?.()|[\]{}]/g, c => '\\\\' + c));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
}

// replace puts values in the place of $name, ${name}, ${name:format} and [[name]]. What is not known stays.
export function replace(text, variables, builtin = {}, as = forQuery) {
  return String(text ?? '').replace(/\$(\w+)|\$\{(\w+)(?:\.[^:}]+)?(?::([^}]+))?\}|\[\[(\w+)(?::\w+)?\]\]/g, (found, plain, braced, format, old) => {
    const name = plain ?? braced ?? old;
    if (name in builtin) return builtin[name];
    const variable = variables[name];
    if (!variable) return found;
    if (format === 'queryparam') return queryParameter(variable);
    if (format === 'raw') return variable.values.join(',');
    return as(variable);
  });
}

// queryParameter is a variable in a link to another dashboard.
function queryParameter({ name, values, all }) {
  return (all ? ['$__all'] : values).map(v => `var-${name}=${encodeURIComponent(v)}`).join('&');
}

// chosen makes a variable of its definition, its options and what the caller wants it to be.
export function chosen(definition, options, wanted) {
  const { name, label, includeAll, allValue, multi, hide } = definition;
  const current = [].concat(wanted ?? definition.current?.value ?? []).filter(v => v !== '');
  const all = Boolean(includeAll) && (wanted === undefined && current.length === 0 || current.includes('$__all'));
  const values = all ? options : current.length > 0 ? current : options.slice(0, 1);
  return { name, label: label || name, hide, multi: Boolean(multi || includeAll), all, allValue, values };
}

// ofRegex narrows options as a variable's regex says, and takes its first group where it has one.
export function ofRegex(options, regex) {
  const parts = /^\/(.*)\/([a-z]*)$/.exec(regex ?? '');
  if (!regex) return options;
  const expression = parts ? new RegExp(parts[1], parts[2].replace('g', '')) : new RegExp(`^(?:${regex})$`);
  return options.map(o => expression.exec(o)).filter(Boolean).map(m => m[1] ?? m[0]);
}

// labelValues reads label_values(label) and label_values(selector, label).
export function labelValues(query) {
  const found = /^\s*label_values\(\s*(?:(.+)\s*,\s*)?(\w+)\s*\)\s*$/s.exec(query);
  return found && { selector: found[1], label: found[2] };
}
