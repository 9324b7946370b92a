import type * as Ssh2 from "ssh2";

/** ssh2, loaded when it is first used: most runs make no SSH connection. */
export function ssh2(): typeof Ssh2 {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- see above; import() cannot be synchronous
    return require("ssh2") as typeof Ssh2;
}
