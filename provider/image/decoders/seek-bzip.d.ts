/** The parts of seek-bzip 2.0.0 that step through a stream block by block. */
declare module "seek-bzip" {
    class Bunzip {
        constructor(input: Bunzip.Input, output: Bunzip.Output);
        readonly reader: { read(bits: number): number };
        readonly streamCRC: number;
        /** False at the end of the stream. */
        _init_block(): boolean;
        _read_bunzip(): number;
    }
    namespace Bunzip {
        interface Input {
            readByte(): number;
            read(buffer: Buffer, offset: number, length: number): number;
        }
        interface Output {
            writeByte(byte: number): void;
        }
    }
    export = Bunzip;
}
