import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { renderUserData } from "./userData.text";

/** As a program gives it: an object, `{ file }`, or the text itself, such as `palette.userDataFor` makes. */
export type GivenUserData = string | Readonly<Record<string, unknown>>;

export function userDataText(userData: GivenUserData | undefined, projectDir: string): string | undefined {
    if (userData === undefined || typeof userData === "string") return userData;
    const file = userDataFile(userData);
    return file === undefined ? renderUserData(userData) : readHere(file, projectDir, "userData.file");
}

export function userDataFile(userData: GivenUserData): string | undefined {
    if (typeof userData === "string") return undefined;
    const { file, ...rest } = userData;
    return typeof file === "string" && Object.keys(rest).length === 0 ? file : undefined;
}

export function readHere(file: string, projectDir: string, what: string): string {
    const full = path.resolve(projectDir, file);
    try {
        return fs.readFileSync(full, "utf8");
    } catch (error) {
        const { code = "unknown error" } = error as NodeJS.ErrnoException;
        const message = `${what}: ${file} cannot be read (${code})`;
        throw code === "ENOENT" ? new UnavailableHere(message) : new EdgeError(message);
    }
}
