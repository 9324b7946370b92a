/** What the system on an installer ISO has. */
export interface LiveSystem {
    /** Units by what `systemctl show` says of them; others are not found. */
    services?: Readonly<Record<string, string>>;
    /** Exit code of `mst start`; without it there is no such program. */
    mst?: number;
}

export const ACTIVE = "LoadState=loaded ActiveState=active Result=success ExecMainStartTimestampMonotonic=7";

/**
 * Busybox as what Kairos shows: a greeting, a login, systemd's and NVIDIA's commands. `early` runs before these are
 * there, `late` before the greeting.
 */
export function liveScript(
    { services = {}, mst }: LiveSystem,
    { early = [], late = [] }: { early?: readonly string[]; late?: readonly string[] } = {},
): string {
    const units = Object.entries(services).map(([unit, state]) => `    ${unit}) echo "${state}" ;;`);
    return [
        "/bin/busybox --install -s /bin",
        "export PATH=/bin",
        "mount -t devtmpfs dev /dev",
        ...early,
        "cat >/bin/systemctl <<'END'",
        "#!/bin/sh",
        'for unit in "$@"; do :; done',
        'case "$unit" in',
        ...units,
        '    *) echo "LoadState=not-found ActiveState=inactive Result=success" ;;',
        "esac",
        "END",
        ...(mst === undefined
            ? []
            : [
                  "cat >/bin/mst <<'END'",
                  "#!/bin/sh",
                  "echo no devices >&2",
                  `exit ${mst}`,
                  "END",
                  "chmod 755 /bin/mst",
              ]),
        "chmod 755 /bin/systemctl",
        ...late,
        "echo 'Welcome to Kairos!'",
        "while :; do",
        "  printf 'localhost login: '",
        "  read -r user || sleep 1",
        '  [ "$user" = root ] && ENV=/shrc sh -i',
        "done",
    ].join("\n");
}
