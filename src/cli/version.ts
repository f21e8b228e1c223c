/** The version of package.json, put in by the build. */
declare const __WHERRY_VERSION__: string | undefined;

export const version: string = typeof __WHERRY_VERSION__ === "string" ? __WHERRY_VERSION__ : "0.0.0-source";
