import { createRequire } from "node:module";
import { EdgeError } from "../resource/errors";

const CANCEL_METHOD = "/pulumirpc.ResourceProvider/Cancel";

/**
 * Aborts when the user cancels: on the first Ctrl-C the engine calls `Cancel`, on the second it sends SIGINT to
 * the process group; orchestrators send SIGTERM.
 */
export class Cancellation {
    private readonly controller = new AbortController();
    private running = 0;
    private endWhenIdle = false;

    get signal(): AbortSignal {
        return this.controller.signal;
    }

    install(): void {
        observeCancelCall(() => this.cancel());
        for (const name of ["SIGINT", "SIGTERM"] as const) {
            process.on(name, () => {
                this.cancel();
                this.endWhenIdle = true;
                if (this.running === 0) process.exit(130);
            });
        }
    }

    cancel(): void {
        this.controller.abort(new EdgeError("cancelled"));
    }

    /** Runs a verb; after a signal the process ends once the last verb has answered the engine. */
    async during<T>(verb: () => Promise<T>): Promise<T> {
        this.running++;
        try {
            return await verb();
        } finally {
            this.running--;
            // A turn of the event loop lets the host write the answer first.
            if (this.endWhenIdle && this.running === 0) setTimeout(() => process.exit(130), 100);
        }
    }
}

/**
 * The stock host acknowledges `Cancel` and does nothing; its grpc server looks its handlers up by path, and
 * seeing that look-up is the only way to learn of the call. Without that method (another grpc-js), only signals
 * cancel.
 */
function observeCancelCall(onCancel: () => void): void {
    interface ServerPrototype {
        _retrieveHandler?: (path: string) => unknown;
    }
    let prototype: ServerPrototype;
    try {
        const sdkRequire = createRequire(require.resolve("@pulumi/pulumi/package.json"));
        prototype = (sdkRequire("@grpc/grpc-js") as { Server: { prototype: ServerPrototype } }).Server
            .prototype;
    } catch {
        return;
    }
    const original = prototype._retrieveHandler;
    if (typeof original !== "function") return;
    prototype._retrieveHandler = function (this: unknown, path: string): unknown {
        if (path === CANCEL_METHOD) onCancel();
        return original.call(this, path);
    };
}
