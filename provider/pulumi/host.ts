import type { Host } from "../resource/context";
import { EngineLog } from "./engineLog";
import { Cancellation } from "./cancellation";
import { SameReason } from "./sameReason";
import * as crypto from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Stack configuration as the dynamic host hands it to `configure`. */
export interface ConfigureRequest {
    config: { get(key: string): string | undefined };
}

/** The provider process: its configuration, its log, its cancellation, and one client for each target. */
export class ProcessHost implements Host {
    readonly env = process.env;
    readonly projectDir = process.cwd();
    readonly log = new EngineLog();
    readonly cancellation = new Cancellation();
    readonly reasons = new SameReason();
    private request?: ConfigureRequest;

    /**
     * The host calls this before a provider's first verb, but does not make a second verb wait for it; it is
     * synchronous, so that there is nothing to wait for.
     */
    configure(request: ConfigureRequest): void {
        this.request = request;
    }

    config(key: string): string | undefined {
        return this.request?.config.get(key);
    }

    warn(text: string): void {
        this.log.warn("", text);
    }

    now(): number {
        return Date.now();
    }

    async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
        try {
            await sleep(milliseconds, undefined, signal ? { signal } : undefined);
        } catch (error) {
            throw signal?.aborted ? signal.reason : error;
        }
    }

    random(bytes: number): Buffer {
        return crypto.randomBytes(bytes);
    }
}
