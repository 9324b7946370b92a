import * as fs from "node:fs";
import * as path from "node:path";
import { EdgeError, UnavailableHere } from "../resource/errors";
import { renderUserData } from "./userData.text";

/** Given as an object, or as the file of one. */
export function userDataText(
    userData: Readonly<Record<string, unknown>> | undefined,
    projectDir: string,
): string | undefined {
    if (userData === undefined) return undefined;
    const file = userDataFile(userData);
    return file === undefined ? renderUserData(userData) : readHere(file, projectDir, "userData.file");
}

export function userDataFile(userData: Readonly<Record<string, unknown>>): string | undefined {
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
