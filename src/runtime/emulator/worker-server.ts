/**
 * The container worker's end of the protocol: starts one container when told to and serves it until the host goes.
 * `start` is the runtime inside the worker; it must close `stdout` and `stderr` of a process when that process ends.
 */
import { WherryError } from "../../base/errors.ts";
import { readableFromPort, writableToPort } from "../../base/port-stream.ts";
import type { StoreLocator } from "../../store/types.ts";
import type { ContainerSpec, RuntimeContainer, RuntimeIo, RuntimeProcess } from "../types.ts";
import type { ContainerMessage, HostMessage, StreamPorts } from "./protocol.ts";

export type StartContainer = (spec: ContainerSpec, store: StoreLocator, io: RuntimeIo) => Promise<RuntimeContainer>;

/** `rest` is called when a worker that waits is to leave the processor to others for a while. */
export function serveContainer(port: MessagePort, start: StartContainer, rest: () => void = () => {}): void {
  const processes = new Map<number, RuntimeProcess>();
  let container: RuntimeContainer | null = null;

  const send = (message: ContainerMessage) => port.postMessage(message);

  function watch(number: number, process: RuntimeProcess): void {
    processes.set(number, process);
    void process.exited.then(
      ({ code }) => send({ type: "exited", process: number, code }),
      () => send({ type: "exited", process: number, code: 125 }),
    );
  }

  function running(): RuntimeContainer {
    if (container === null) throw new WherryError("conflict", "The container is not running.");
    return container;
  }

  async function handle(message: HostMessage): Promise<unknown> {
    switch (message.type) {
      case "start":
        container = await start(message.spec, message.store, openStreams(message.streams));
        watch(0, container);
        return null;
      case "exec":
        watch(message.process, await running().exec(message.spec, openStreams(message.streams)));
        return null;
      case "signal":
        await processes.get(message.process)?.signal(message.signal);
        return null;
      case "resize":
        await processes.get(message.process)?.resize(message.columns, message.rows);
        return null;
      case "copy-out": {
        const from = running();
        if (from.copyOut === undefined) throw noCopy();
        const tar = await from.copyOut(message.path);
        void tar.pipeTo(writableToPort(message.tar)).catch(() => {});
        return null;
      }
      case "copy-in": {
        const to = running();
        if (to.copyIn === undefined) throw noCopy();
        await to.copyIn(message.path, readableFromPort(message.tar));
        return null;
      }
      case "missing":
        return container === null ? [] : container.missing();
      case "counters":
        return (await container?.counters?.()) ?? null;
      case "stats":
        return (await container?.stats?.()) ?? null;
      case "rest":
        rest();
        return null;
      case "destroy":
        await container?.destroy();
        // True: another container may come here.
        return container?.leavesClean === true;
    }
  }

  port.onmessage = (event: MessageEvent) => {
    const message = event.data as HostMessage;
    handle(message).then(
      (value) => send({ type: "reply", request: message.request, value }),
      (error: unknown) => send({ type: "failed", request: message.request, error: WherryError.from(error).toPlain() }),
    );
  };
}

const noCopy = () => new WherryError("unsupported", "files of this container cannot be copied");

function openStreams(ports: StreamPorts): RuntimeIo {
  return {
    stdin: readableFromPort(ports.stdin),
    stdout: writableToPort(ports.stdout),
    stderr: writableToPort(ports.stderr),
  };
}
