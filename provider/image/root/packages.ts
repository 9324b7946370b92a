import { compareDebVersions } from "./debVersion";
import { compareRpmVersions } from "./rpmVersion";

export type PackageManager = "dpkg" | "rpm";

/** One installed package. */
export interface InstalledPackage {
    name: string;
    /** As the package manager writes it, with an epoch other than 0. */
    version: string;
    architecture: string;
}

/** The installed packages of a root file system. */
export interface PackageList {
    manager: PackageManager;
    packages: InstalledPackage[];
}

/** The order of versions that goes with a package manager. */
export function versionOrder(manager: PackageManager): (a: string, b: string) => number {
    return manager === "dpkg" ? compareDebVersions : compareRpmVersions;
}

type Operator = "<<" | "<=" | ">=" | ">>" | "!=" | "==" | "<" | ">" | "=";

/** A parsed version constraint: every part must hold. */
export type Constraint = readonly { operator: Operator; version: string }[];

/** `>= 23.1, < 25`; undefined when the text is no constraint. */
export function parseConstraint(text: string): Constraint | undefined {
    const parts = text.split(",").map((part) => {
        const match = /^\s*(<<|<=|>=|>>|!=|==|<|>|=)\s*([A-Za-z0-9][A-Za-z0-9.+:~^_-]*)\s*$/.exec(part);
        return match ? { operator: match[1] as Operator, version: match[2] ?? "" } : undefined;
    });
    return parts.every((part) => part !== undefined) ? parts : undefined;
}

/** Whether a version meets a constraint, in the order of its package manager. */
export function satisfies(
    version: string,
    constraint: Constraint,
    compare: (a: string, b: string) => number,
): boolean {
    return constraint.every(({ operator, version: bound }) => {
        const order = compare(version, bound);
        switch (operator) {
            case "<":
            case "<<":
                return order < 0;
            case "<=":
                return order <= 0;
            case ">":
            case ">>":
                return order > 0;
            case ">=":
                return order >= 0;
            case "!=":
                return order !== 0;
            case "=":
            case "==":
                return order === 0;
        }
    });
}
