import * as fs from "node:fs";
import { EdgeError } from "../resource/errors";
import { formatPath } from "../resource/problem";
import type { ImageCheck } from "./check";
import { judge, withCertificates } from "./diskImage.judge";
import { contentExpectations, type Expectations } from "./expect.schema";
import { isDigest } from "./imageDigest";
import type { Inspection, Progress } from "./inspection";
import type { ImageLibrary } from "./library";
import { fileNameOf, isRemote, locate } from "./source/location";

/** An image and what it is held to. */
export interface VerifyRequest {
    source: string;
    expect?: Expectations;
    /** Relative paths in both start here. */
    folder: string;
    signal?: AbortSignal;
    onProgress?: (progress: Progress) => void;
}

export interface Verification {
    /** Last part of the location. */
    name: string;
    inspection: Inspection;
    /** All of them, each with the severity that was asked for. */
    checks: ImageCheck[];
}

/** Reads all of an image and judges it, as `DiskImage` does, outside of any stack. */
export async function verifyImage(request: VerifyRequest, library: ImageLibrary): Promise<Verification> {
    const { source, folder, signal, onProgress } = request;
    const given = withCertificates(request.expect, folder);
    if ("problems" in given) {
        throw new EdgeError(
            given.problems.map(({ path, message }) => `${formatPath(path)} ${message}`).join("\n"),
        );
    }
    const { expect } = given;
    const location = locate(source, folder);
    if (!isRemote(location) && !fs.existsSync(location)) throw new EdgeError(`there is no file ${source}`);
    const expectedSha256 = await expectedDigest({ ...request, source: location }, library);
    const content = contentExpectations(expect);
    const inspection = await library.inspect(location, {
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
        ...(content ? { expect: content } : {}),
    });
    const name = fileNameOf(location);
    const seen = { inspection, ...(expectedSha256 === undefined ? {} : { expectedSha256 }) };
    return { name, inspection, checks: judge(name, seen, expect) };
}

async function expectedDigest(
    { source, expect, folder, signal }: VerifyRequest,
    library: ImageLibrary,
): Promise<string | undefined> {
    const digest = expect?.sha256;
    if (digest === undefined || isDigest(digest)) return digest;
    return (await library.publishedDigest(locate(digest, folder), source, signal)).sha256;
}
