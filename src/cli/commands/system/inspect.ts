/** `wherry inspect`: containers and images alike. */
import { WherryError } from "../../../base/errors.ts";
import type { Command } from "../../command.ts";
import { inspectAll, inspectFlags } from "../../inspect-all.ts";

export const command: Command = {
  path: ["system", "inspect"],
  aliases: [["inspect"]],
  summary: "Return low-level information on Wherry objects",
  parameters: "NAME|ID [NAME|ID...]",
  parametersMin: 1,
  parametersMax: null,
  flags: [...inspectFlags, { name: "type", value: "string", summary: "Only inspect objects of the given type" }],
  async run(context, input) {
    const { containers, images } = await context.engine();
    const type = input.text("type");
    if (type !== undefined && type !== "container" && type !== "image")
      throw new WherryError("usage", `unknown type: "${type}": must be one of "container", "image"`);
    const notFound = (error: unknown): boolean => error instanceof WherryError && error.code === "not-found";
    return inspectAll(context, input, async (name) => {
      if (type !== "image")
        try {
          return await containers.inspect(name);
        } catch (error) {
          if (type === "container" || !notFound(error)) throw error;
        }
      try {
        return await images.inspect(name);
      } catch (error) {
        if (type === "image" || !notFound(error)) throw error;
        throw new WherryError("not-found", `No such object: ${name}`);
      }
    });
  },
};
