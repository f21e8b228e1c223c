/** Types of failures.mjs for the tests. */
export interface Failure {
  readonly name: string;
  readonly lines: readonly string[];
}
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}
export function reportedFailures(step: string, report: Report, root: string): Failure[];
export function stepFailure(step: string, code: number, tail: string): Failure;
export function failureDetails(failures: readonly Failure[]): string[];
export function failureNames(failures: readonly Failure[]): string[];
