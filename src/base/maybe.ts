/**
 * `Maybe<T>` is a value that is usually here already. Reads and stats are answered at once; only data that still has
 * to come from storage makes a promise. Callers on a hot path test with `isPromise` rather than always awaiting,
 * because an `await` costs a turn of the event loop's microtask queue each time.
 */
export type Maybe<T> = T | Promise<T>;

export function isPromise<T>(value: Maybe<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Applies `f` at once if the value is here, later if it is not. */
export function mapMaybe<T, U>(value: Maybe<T>, f: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(f) : f(value);
}
