/** Accessibility, checked by axe-core: WCAG 2 A and AA, and its best practices. Returns one line a violation. */
import axe from "axe-core";

export async function violations(root: Element | Document = document): Promise<readonly string[]> {
  // Half-way through a fade every contrast is wrong.
  for (const animation of document.getAnimations()) {
    if (animation.effect?.getComputedTiming().endTime !== Infinity) animation.finish();
  }
  const { violations: found } = await axe.run(root, { resultTypes: ["violations"] });
  return found.flatMap((violation) =>
    violation.nodes.map((node) => `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
  );
}
