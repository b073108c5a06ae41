import type { ChatRequest, ChatToolCall } from '../../core/chat.ts';

/** What the mutator wants done, whatever the offered tools are called. */
export type Ask =
  | { readonly want: 'list' | 'view'; readonly path: string }
  | { readonly want: 'replace'; readonly path: string; readonly old: string; readonly new: string }
  | { readonly want: 'create'; readonly path: string; readonly content: string };

export interface Toolbox {
  has(want: Ask['want']): boolean;
  /** The call's name and JSON arguments as the offered tool takes them. Only for a tool that is offered. */
  toCall(ask: Ask): ChatToolCall['function'];
  /** What an earlier call asked for; `null` when it is none of ours. */
  fromCall(call: ChatToolCall['function']): Ask | null;
}

const toolNames = {
  list: ['list', 'ls', 'list_files'],
  view: ['view', 'read', 'read_file'],
  replace: ['str_replace', 'replace'],
  create: ['create', 'write', 'write_file'],
} as const satisfies Record<Ask['want'], readonly string[]>;

const parameterNames = {
  path: ['path', 'file', 'file_path'],
  old: ['old', 'old_str', 'old_string'],
  new: ['new', 'new_str', 'new_string'],
  content: ['content', 'file_text', 'text'],
} as const;
type Part = keyof typeof parameterNames;

const parts = {
  list: ['path'],
  view: ['path'],
  replace: ['path', 'old', 'new'],
  create: ['path', 'content'],
} as const satisfies Record<Ask['want'], readonly Part[]>;

interface Binding {
  readonly want: Ask['want'];
  readonly name: string;
  /** Our part to the offered parameter. */
  readonly parameters: ReadonlyMap<Part, string>;
}

/** Binds what the mutator needs to the tools a request offers. A tool with a required parameter it does not know is not used. */
export function readToolbox(request: ChatRequest): Toolbox {
  const offered = request.tool_choice === 'none' ? [] : (request.tools ?? []);
  const forced = typeof request.tool_choice === 'object' ? request.tool_choice.function.name : null;
  const usable = offered.filter((tool) => forced === null || tool.function.name === forced);
  const bindings = new Map<Ask['want'], Binding>();
  for (const want of Object.keys(toolNames) as Ask['want'][]) {
    const found = toolNames[want].map((name) => usable.find((tool) => tool.function.name === name)).find(Boolean);
    const binding = found === undefined ? null : bind(want, found.function);
    if (binding !== null) bindings.set(want, binding);
  }
  return {
    has: (want) => bindings.has(want),
    toCall(ask) {
      const { name, parameters } = bindings.get(ask.want)!;
      const values = ask as unknown as Record<Part, string>;
      return {
        name,
        arguments: JSON.stringify(Object.fromEntries([...parameters].map(([part, as]) => [as, values[part]]))),
      };
    },
    fromCall(call) {
      const binding = [...bindings.values()].find((b) => b.name === call.name);
      return binding === undefined ? null : readArguments(binding, call.arguments);
    },
  };
}

function bind(want: Ask['want'], tool: NonNullable<ChatRequest['tools']>[number]['function']): Binding | null {
  const { properties = {}, required = [] } = (tool.parameters ?? {}) as {
    properties?: Record<string, { type?: unknown } | undefined>;
    required?: readonly string[];
  };
  const parameters = new Map<Part, string>();
  for (const part of parts[want]) {
    const name = parameterNames[part].find((candidate) => (properties[candidate]?.type ?? null) === 'string');
    if (name === undefined) return null;
    parameters.set(part, name);
  }
  const known = new Set(parameters.values());
  return required.every((name) => known.has(name)) ? { want, name: tool.name, parameters } : null;
}

function readArguments({ want, parameters }: Binding, json: string): Ask | null {
  let values: unknown;
  try {
    values = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof values !== 'object' || values === null) return null;
  const entries = [...parameters].map(([part, as]) => [part, (values as Record<string, unknown>)[as]] as const);
  return entries.every(([, value]) => typeof value === 'string')
    ? ({ want, ...Object.fromEntries(entries) } as Ask)
    : null;
}
