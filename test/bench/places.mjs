// Opens the places there are, and says once which ones there are not.
import { join } from "node:path";
import { root } from "../../scripts/lib/run.mjs";
import { benchImage } from "./image.mjs";
import { Chromium } from "./places/chromium.mjs";
import { EngineHost, enginePlace } from "./places/node.mjs";
import { hasQemu, qemuPlace } from "./places/qemu.mjs";

/**
 * @param {{nodes: string[], without: string[]}} wanted `nodes` are further Node programs
 * @param {(line: string) => void} say
 * @returns places in the order of the tables, and how loading the Debian image went, by place
 */
export async function openPlaces({ nodes, without }, say) {
  const image = await benchImage();
  const busybox = join(root, "public/images/busybox.tar");
  const places = [];
  const loads = {};
  const closers = [];
  const close = async () => {
    for (const closer of closers.toReversed()) await closer();
  };
  const openHost = async (path, name) => {
    const host = new EngineHost(path);
    await host.open();
    closers.push(() => host.close());
    loads[name(host.version)] = await host.call("load", image);
    await host.call("load", busybox);
    return host;
  };

  try {
    const own = await openHost(process.execPath, () => "node");
    const native = enginePlace("native", "native", own, "native");
    // Not whether the program is there, but whether it works here.
    const reason = await native.run(["true"]).then(
      () => null,
      (error) => error.message,
    );
    if (reason === null) places.push(native);
    else say(`native containers do not work here, so that there are no ratios to native: ${reason}`);

    if (!without.includes("qemu")) {
      if (hasQemu()) places.push(qemuPlace());
      else say("qemu-user is not installed: its column is left out");
    }

    if (!without.includes("node")) places.push(enginePlace("node", "node", own, "emulator"));
    for (const path of nodes) {
      const host = await openHost(path, (version) => `node ${version}`);
      places.push(enginePlace(`node ${host.version}`, "node", host, "emulator"));
    }

    if (!without.includes("chromium")) {
      const chromium = new Chromium();
      closers.push(() => chromium.close());
      const missing = await chromium.open(image).then(
        () => null,
        (error) => error.message.split("\n")[0],
      );
      if (missing === null) {
        loads.chromium = await chromium.load("bench-image.tar");
        await chromium.load("images/busybox.tar");
        places.push(chromium);
      } else say(`Chromium could not be started, so that its column is left out: ${missing}`);
    }
    return { places, loads, close };
  } catch (error) {
    await close();
    throw error;
  }
}
