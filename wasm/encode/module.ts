/**
 * A WebAssembly module under construction, and its functions. Imports come before functions, because they share one
 * index space; a function may call any declared one, itself included.
 *
 *     const m = new ModuleBuilder();
 *     m.importMemory("env", "memory", 1);
 *     const add = m.function("add", ["i32", "i32"], ["i32"]);
 *     add.result(i32.add(add.param(0), add.param(1)));
 *     m.export(add);
 *     new WebAssembly.Module(m.bytes());
 */
import { noParts, pushSigned, pushUnsigned, valueTypeByte, type Expression, type ValueType } from "./expression.ts";
import { ByteSink } from "./sink.ts";

export interface FunctionRef {
  readonly name: string;
  readonly index: number;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Label {
  /** Depth of the structure it names, counted from the function's body. */
  readonly depth: number;
}

export interface Local extends Expression {
  readonly type: ValueType;
  readonly index: number;
}

export function call(target: FunctionRef, ...args: Expression[]): Expression {
  if (args.length !== target.params.length)
    throw new Error(`${target.name} takes ${target.params.length} arguments, got ${args.length}`);
  args.forEach((arg, i) => {
    if (arg.type !== target.params[i]) throw new Error(`${target.name} argument ${i} is ${arg.type}`);
  });
  const code = [0x10];
  pushUnsigned(code, target.index);
  return { type: target.results[0] ?? "void", parts: args, code };
}

function write(sink: ByteSink, { parts, code }: Expression): void {
  for (let i = 0; i < parts.length; i++) write(sink, parts[i]!);
  sink.append(code);
}

function localAt(index: number, type: ValueType): Local {
  const code = [0x20];
  pushUnsigned(code, index);
  return { type, index, parts: noParts, code };
}

export class FunctionBuilder implements FunctionRef {
  readonly name: string;
  readonly index: number;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  #code = new ByteSink();
  /** Code made when the body is done, by where it goes. */
  #deferred: { readonly at: number; readonly make: () => readonly Expression[] }[] = [];
  #locals: ValueType[] = [];
  /** Places in the code of branches that are hardly ever taken. */
  #unlikely: number[] = [];
  #depth = 0;
  /** Locals free for `temporary`, by type, and those handed out since the last `release`. */
  #free: Record<ValueType, Local[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #used: Local[] = [];

  constructor(name: string, index: number, params: readonly ValueType[], results: readonly ValueType[]) {
    this.name = name;
    this.index = index;
    this.params = params;
    this.results = results;
  }

  param(i: number): Local {
    const type = this.params[i];
    if (type === undefined) throw new Error(`${this.name} has no parameter ${i}`);
    return localAt(i, type);
  }

  /** A new local that is never reused. */
  local(type: ValueType): Local {
    this.#locals.push(type);
    return localAt(this.params.length + this.#locals.length - 1, type);
  }

  /** A local that is free again after `release`. */
  temporary(type: ValueType): Local {
    const local = this.#free[type].pop() ?? this.local(type);
    this.#used.push(local);
    return local;
  }

  /** Marks the temporaries in use; `release` frees those taken since. */
  mark(): number {
    return this.#used.length;
  }

  release(mark: number): void {
    while (this.#used.length > mark) {
      const local = this.#used.pop()!;
      this.#free[local.type].push(local);
    }
  }

  /** Emits an expression of type void. */
  emit(statement: Expression): void {
    if (statement.type !== "void") throw new Error(`a statement leaves a ${statement.type}; drop it`);
    this.#append(statement);
  }

  drop(value: Expression): void {
    this.#append(value);
    if (value.type !== "void") this.#code.push(0x1a);
  }

  set(local: Local, value: Expression): void {
    if (local.type !== value.type) throw new Error(`local.set of ${local.type} with ${value.type}`);
    this.#append(value);
    this.#code.push(0x21);
    pushUnsigned(this.#code, local.index);
  }

  /** Evaluates now, once; the result may be used any number of times. */
  let(value: Expression): Local {
    if (value.type === "void") throw new Error("let needs a value");
    const local = this.temporary(value.type);
    this.set(local, value);
    return local;
  }

  /** Statements that are known only when the whole body has been emitted: `make` is asked then, and they go here. */
  defer(make: () => readonly Expression[]): void {
    this.#deferred.push({ at: this.#code.length, make });
  }

  /** A `local.set` as a statement, for `defer`. */
  assignment(local: Local, value: Expression): Expression {
    if (local.type !== value.type) throw new Error(`local.set of ${local.type} with ${value.type}`);
    const code = [0x21];
    pushUnsigned(code, local.index);
    return { type: "void", parts: [value], code };
  }

  /** Structures open at this place: code at another depth than an instruction's first may not run. */
  get depth(): number {
    return this.#depth;
  }

  block(body: (label: Label) => void): void {
    this.#structure(0x02, body);
  }

  loop(body: (label: Label) => void): void {
    this.#structure(0x03, body);
  }

  #structure(opcode: number, body: (label: Label) => void): void {
    this.#code.push(opcode);
    this.#code.push(0x40);
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    this.#code.push(0x0b);
  }

  if(condition: Expression, then: () => void, otherwise?: () => void, isUnlikely = false): void {
    if (condition.type !== "i32") throw new Error(`a condition is i32, not ${condition.type}`);
    this.#append(condition);
    if (isUnlikely) this.#unlikely.push(this.#code.length);
    this.#code.push(0x04);
    this.#code.push(0x40);
    this.#depth++;
    then();
    if (otherwise !== undefined) {
      this.#code.push(0x05);
      otherwise();
    }
    this.#depth--;
    this.#code.push(0x0b);
  }

  /** An `if` that is hardly ever taken: engines that know branch hints move what is in it out of the way. */
  unlikely(condition: Expression, then: () => void): void {
    this.if(condition, then, undefined, true);
  }

  /** Opens a block that `end` closes: for switches with hundreds of arms, where nesting callbacks would be deep. */
  open(): Label {
    this.#code.push(0x02);
    this.#code.push(0x40);
    this.#depth++;
    return { depth: this.#depth };
  }

  openLoop(): Label {
    this.#code.push(0x03);
    this.#code.push(0x40);
    this.#depth++;
    return { depth: this.#depth };
  }

  end(): void {
    this.#depth--;
    this.#code.push(0x0b);
  }

  br(label: Label): void {
    this.#code.push(0x0c);
    pushUnsigned(this.#code, this.#depth - label.depth);
  }

  brIf(label: Label, condition: Expression): void {
    if (condition.type !== "i32") throw new Error(`a condition is i32, not ${condition.type}`);
    this.#append(condition);
    this.#code.push(0x0d);
    pushUnsigned(this.#code, this.#depth - label.depth);
  }

  brTable(index: Expression, labels: readonly Label[], otherwise: Label): void {
    if (index.type !== "i32") throw new Error("br_table needs an i32");
    this.#append(index);
    this.#code.push(0x0e);
    pushUnsigned(this.#code, labels.length);
    for (const label of labels) pushUnsigned(this.#code, this.#depth - label.depth);
    pushUnsigned(this.#code, this.#depth - otherwise.depth);
  }

  return(value?: Expression): void {
    if (value !== undefined) this.#append(value);
    this.#code.push(0x0f);
  }

  /** Ends the function with the result of a call that takes its place: no frame of this one stays. `callee`: a call. */
  returnCall(callee: Expression): void {
    const { parts, code } = callee;
    // The opcodes of tail calls come right behind those of the calls.
    if (code[0] !== 0x10 && code[0] !== 0x11) throw new Error("only a call can take a function's place");
    this.#append({ type: "void", parts, code: [code[0] + 2, ...code.slice(1)] });
  }

  /** Leaves the value as the function's result at its end. */
  result(value: Expression): void {
    this.#append(value);
  }

  unreachable(): void {
    this.#code.push(0x00);
  }

  #append(expression: Expression): void {
    write(this.#code, expression);
  }

  /** Size of the code so far, in bytes. */
  get sizeBytes(): number {
    return this.#code.length;
  }

  /** Appends locals and code, preceded by their size; returns where in them the unlikely branches are. */
  write(target: ByteSink): number[] {
    const groups: [number, ValueType][] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last !== undefined && last[1] === type) last[0]++;
      else groups.push([1, type]);
    }
    const body = new ByteSink(this.#code.length + 64);
    pushUnsigned(body, groups.length);
    for (const [count, type] of groups) {
      pushUnsigned(body, count);
      body.push(valueTypeByte[type]);
    }
    const hints: number[] = [];
    let at = 0;
    let next = 0;
    const upTo = (end: number): void => {
      const moved = body.length - at;
      for (; next < this.#unlikely.length && this.#unlikely[next]! < end; next++)
        hints.push(this.#unlikely[next]! + moved);
      body.append(this.#code.view(at, end));
      at = end;
    };
    for (const deferred of this.#deferred) {
      upTo(deferred.at);
      for (const statement of deferred.make()) write(body, statement);
    }
    upTo(this.#code.length);
    body.push(0x0b);
    pushUnsigned(target, body.length);
    target.append(body.view());
    return hints;
  }
}

interface ImportedFunction extends FunctionRef {
  readonly module: string;
}

export class ModuleBuilder {
  #types: string[] = [];
  #typeBytes: number[][] = [];
  #imports: ImportedFunction[] = [];
  #functions: FunctionBuilder[] = [];
  #exports: [name: string, target: FunctionRef][] = [];
  #memory: { module: string; name: string; pagesMin: number; pagesMax: number | undefined } | undefined;
  #table: FunctionRef[] = [];
  #importedTable: { module: string; name: string } | undefined;
  readonly #importsLate: boolean;

  /**
   * With `importsLate`, functions may be imported until the module is finished, also by the code of its own functions;
   * those have no index before that, so nothing can call them.
   */
  constructor(options: { importsLate?: boolean } = {}) {
    this.#importsLate = options.importsLate === true;
  }

  /** A table of the host's, beside the module's own: `callIndirect` reaches it with `imported`. */
  importTable(module: string, name: string): void {
    this.#importedTable = { module, name };
  }

  /** The memory is always imported; sizes are in pages of 64 KiB. */
  importMemory(module: string, name: string, pagesMin: number, pagesMax?: number): void {
    this.#memory = { module, name, pagesMin, pagesMax };
  }

  importFunction(
    module: string,
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[],
  ): FunctionRef {
    if (this.#functions.length > 0 && !this.#importsLate) throw new Error(`import ${name} comes after a function`);
    const reference = { module, name, index: this.#imports.length, params, results };
    this.#imports.push(reference);
    this.#type(params, results);
    return reference;
  }

  function(name: string, params: readonly ValueType[], results: readonly ValueType[]): FunctionBuilder {
    const index = this.#importsLate ? Number.NaN : this.#imports.length + this.#functions.length;
    const builder = new FunctionBuilder(name, index, params, results);
    this.#functions.push(builder);
    this.#type(params, results);
    return builder;
  }

  export(target: FunctionRef, name: string = target.name): void {
    this.#exports.push([name, target]);
  }

  /** Puts a function in the module's own table and returns its place. */
  tableEntry(target: FunctionRef): number {
    this.#table.push(target);
    return this.#table.length - 1;
  }

  callIndirect(
    params: readonly ValueType[],
    results: readonly ValueType[],
    place: Expression,
    ...args: Expression[]
  ): Expression {
    return this.#indirect(params, results, place, args, this.#importedTable === undefined ? 0 : 1);
  }

  /** The same by the imported table. */
  callImported(
    params: readonly ValueType[],
    results: readonly ValueType[],
    place: Expression,
    ...args: Expression[]
  ): Expression {
    return this.#indirect(params, results, place, args, 0);
  }

  #indirect(
    params: readonly ValueType[],
    results: readonly ValueType[],
    place: Expression,
    args: readonly Expression[],
    table: number,
  ): Expression {
    const code = [0x11];
    pushUnsigned(code, this.#type(params, results));
    code.push(table);
    return { type: results[0] ?? "void", parts: [...args, place], code };
  }

  #type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#types.push(key);
    const bytes = [0x60];
    pushUnsigned(bytes, params.length);
    for (const type of params) bytes.push(valueTypeByte[type]);
    pushUnsigned(bytes, results.length);
    for (const type of results) bytes.push(valueTypeByte[type]);
    this.#typeBytes.push(bytes);
    return this.#types.length - 1;
  }

  /** The module. With `names`, a name section is added for profilers. */
  bytes(options: { names?: boolean } = {}): Uint8Array<ArrayBuffer> {
    const all = new ByteSink(4096);
    all.append([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, body: ByteSink): void => {
      all.push(id);
      pushUnsigned(all, body.length);
      all.append(body.view());
    };
    const list = (id: number, items: readonly (readonly number[])[]): void => {
      if (items.length === 0) return;
      const body = new ByteSink();
      pushUnsigned(body, items.length);
      for (const item of items) body.append(item);
      section(id, body);
    };
    // First, because it may import more.
    const code = new ByteSink(4096);
    pushUnsigned(code, this.#functions.length);
    const written = this.#functions.map((f) => f.write(code));
    const own = new Map<FunctionRef, number>(this.#functions.map((f, i) => [f, this.#imports.length + i]));
    const indexOf = (f: FunctionRef): number => own.get(f) ?? f.index;
    list(1, this.#typeBytes);
    const imports = this.#imports.map((f) => [
      ...name(f.module),
      ...name(f.name),
      0,
      ...unsigned(this.#type(f.params, f.results)),
    ]);
    if (this.#memory !== undefined) {
      const { module, name: field, pagesMin, pagesMax } = this.#memory;
      const sizes =
        pagesMax === undefined ? [0, ...unsigned(pagesMin)] : [1, ...unsigned(pagesMin), ...unsigned(pagesMax)];
      imports.push([...name(module), ...name(field), 2, ...sizes]);
    }
    if (this.#importedTable !== undefined)
      imports.push([...name(this.#importedTable.module), ...name(this.#importedTable.name), 1, 0x70, 0, 0]);
    list(2, imports);
    list(
      3,
      this.#functions.map((f) => unsigned(this.#type(f.params, f.results))),
    );
    if (this.#table.length > 0) {
      const size = unsigned(this.#table.length);
      list(4, [[0x70, 1, ...size, ...size]]);
    }
    list(
      7,
      this.#exports.map(([field, target]) => [...name(field), 0, ...unsigned(indexOf(target))]),
    );
    if (this.#table.length > 0) {
      // An imported table comes first in the index space: then ours needs the form of segment that names its table.
      const imported = this.#importedTable !== undefined;
      const body = imported ? [2, 1, 0x41] : [0, 0x41];
      pushSigned(body, 0n);
      body.push(0x0b);
      if (imported) body.push(0);
      pushUnsigned(body, this.#table.length);
      for (const entry of this.#table) pushUnsigned(body, indexOf(entry));
      list(9, [body]);
    }
    const hints = written
      .map((list, i) => [this.#imports.length + i, list] as const)
      .filter(([, { length }]) => length > 0);
    if (hints.length > 0) section(0, branchHints(hints));
    section(10, code);
    if (options.names === true) {
      const body = new ByteSink();
      body.append(name("name"));
      body.push(1);
      const map = new ByteSink();
      pushUnsigned(map, this.#functions.length);
      for (const f of this.#functions) {
        pushUnsigned(map, indexOf(f));
        map.append(name(f.name));
      }
      pushUnsigned(body, map.length);
      body.append(map.view());
      section(0, body);
    }
    return all.view().slice();
  }
}

/** Name of the section that says which branches are unlikely (WebAssembly proposal "branch hinting"). */
export const branchHintsName = "metadata.code.branch_hint";

/** The beginning of a custom section's content. */
export function customSection(title: string): number[] {
  return name(title);
}

/** By function: where the branches are that are hardly ever taken. */
function branchHints(functions: readonly (readonly [index: number, places: readonly number[]])[]): ByteSink {
  const body = new ByteSink();
  body.append(customSection(branchHintsName));
  pushUnsigned(body, functions.length);
  for (const [index, places] of functions) {
    pushUnsigned(body, index);
    pushUnsigned(body, places.length);
    for (const place of places) {
      pushUnsigned(body, place);
      body.push(1);
      body.push(0);
    }
  }
  return body;
}

function unsigned(value: number): number[] {
  const code: number[] = [];
  pushUnsigned(code, value);
  return code;
}

function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...unsigned(bytes.length), ...bytes];
}
