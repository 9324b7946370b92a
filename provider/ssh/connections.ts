import { abortable } from "../http/abortable";
import type { PaceClock } from "../http/pace";
import type { SshAddress } from "./address";
import { connectOnce, forward } from "./connect";
import { SshConnection } from "./connection";
import { SshUnreachable } from "./failure";
import { HostKeys } from "./hostKeys";
import type { SshLogin } from "./login";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

export interface ConnectionsOptions {
    readonly login: SshLogin;
    /** Host keys that are right; without one a machine's first key is taken and must not change. */
    readonly hostKeys?: HostKeys;
    /** Every connection begins on this machine. */
    readonly jump?: SshAddress;
    /** For that machine. Default: the same login. */
    readonly jumpLogin?: SshLogin;
    readonly clock: PaceClock;
}

export interface ConnectWait {
    readonly signal?: AbortSignal;
    /** How long to go on trying while the machine may still be starting, in milliseconds. Default: one try. */
    readonly readyWithin?: number;
    /** The machine has just been made, and its name may take a while to be known: goes on trying then, too. */
    readonly newName?: boolean;
    /** Told before each pause why there is no connection yet. */
    readonly onWait?: (reason: string) => void;
}

/** Connections made with one login: they share the jump host and what is known of host keys, and end together. */
export class SshConnections implements AsyncDisposable {
    readonly hostKeys: HostKeys;
    private readonly made = new Set<SshConnection>();
    private jump?: Promise<SshConnection>;

    constructor(private readonly options: ConnectionsOptions) {
        this.hostKeys = options.hostKeys ?? new HostKeys();
    }

    /** Connects and logs in, again and again until `readyWithin` where that may help. */
    async connect(address: SshAddress, wait: ConnectWait = {}): Promise<SshConnection> {
        const { clock } = this.options;
        const { signal, readyWithin = 0, newName = false } = wait;
        const mayPass = (error: SshUnreachable): boolean => error.passing || (newName && error.isNameUnknown);
        const began = clock.now();
        for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
            try {
                return this.remember(await this.once(address, signal));
            } catch (error) {
                signal?.throwIfAborted();
                if (!(error instanceof SshUnreachable) || !mayPass(error)) throw error;
                if (clock.now() - began + pause > readyWithin) {
                    throw readyWithin === 0 ? error : new SshUnreachable(tried(error, readyWithin), true);
                }
                wait.onWait?.(error.message);
                await clock.sleep(pause, signal);
            }
        }
    }

    /** Ends all of them. */
    async close(): Promise<void> {
        await Promise.all([...this.made].map((connection) => connection.close()));
        this.made.clear();
        delete this.jump;
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    private async once(address: SshAddress, signal: AbortSignal | undefined): Promise<SshConnection> {
        const { login, jump } = this.options;
        const common = { login, hostKeys: this.hostKeys, ...(signal ? { signal } : {}) };
        if (!jump) return new SshConnection(await connectOnce(address, common), address);
        const through = await forward((await abortable(this.jumpHost(jump), signal)).raw, jump, address);
        return new SshConnection(await connectOnce(address, { ...common, through }), address);
    }

    /** One connection for all that go through it, made anew when it is lost. Cancelling one of them does not end it. */
    private jumpHost(jump: SshAddress): Promise<SshConnection> {
        const last = this.jump ?? Promise.resolve(undefined);
        this.jump = last
            .catch(() => undefined)
            .then((present) => (present?.alive === true ? present : this.connectJump(jump)));
        return this.jump;
    }

    private async connectJump(jump: SshAddress): Promise<SshConnection> {
        const { login: everywhere, jumpLogin: login = everywhere } = this.options;
        return this.remember(
            new SshConnection(await connectOnce(jump, { login, hostKeys: this.hostKeys }), jump),
        );
    }

    private remember(connection: SshConnection): SshConnection {
        this.made.add(connection);
        return connection;
    }
}

function tried(error: SshUnreachable, within: number): string {
    return `${error.message} (tried for ${Math.round(within / 1000)} s)`;
}
