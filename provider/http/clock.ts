/** Time, waiting and chance, given from outside so that tests decide them. */
export interface Clock {
    now(): number;
    sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
    random(bytes: number): Buffer;
}
