// What Java Avro has to do with the cases: it writes samples of each, and checks those of others.
// Usage: java -cp JARS Interop.java write|check CASES FOLDER

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.codehaus.jackson.JsonNode;
import org.codehaus.jackson.map.ObjectMapper;

public class Interop {
    /** It takes no default for a symbol that the reader does not know. */
    private static final Set<String> LACKS = Set.of("enum_default");

    public static void main(String[] arguments) throws Exception {
        Path cases = Path.of(arguments[1]);
        Path folder = Path.of(arguments[2]);
        int count = 0;
        File[] found = cases.toFile().listFiles();
        Arrays.sort(found);
        for (File file : found) {
            Case one = new Case(file.toPath());
            count += arguments[0].equals("write") ? one.write(folder) : one.check(folder);
        }
        System.out.println("java avro: " + arguments[0] + ": " + count + " values");
    }

    /** A writer's schema with values, and perhaps a reader's with what it makes of them. */
    private static final class Case {
        private final String name;
        private final Schema writer;
        private final Schema reader;
        private final List<Object> values;
        private final List<Object> resolved;

        Case(Path folder) throws Exception {
            name = folder.getFileName().toString();
            writer = new Schema.Parser().parse(folder.resolve("writer.avsc").toFile());
            values = read(folder.resolve("values.json"), writer);
            Path evolved = folder.resolve("reader.avsc");
            boolean isEvolved = Files.exists(evolved);
            reader = isEvolved ? new Schema.Parser().parse(evolved.toFile()) : writer;
            resolved = isEvolved ? read(folder.resolve("resolved.json"), reader) : values;
        }

        int write(Path folder) throws Exception {
            List<String> bare = new ArrayList<>();
            List<String> single = new ArrayList<>();
            BinaryMessageEncoder<Object> message =
                    new BinaryMessageEncoder<>(GenericData.get(), writer);
            for (Object value : values) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
                new GenericDatumWriter<Object>(writer).write(value, encoder);
                encoder.flush();
                bare.add(hex(out.toByteArray()));
                ByteBuffer framed = message.encode(value);
                byte[] bytes = new byte[framed.remaining()];
                framed.get(bytes);
                single.add(hex(bytes));
            }
            Files.write(folder.resolve(name + ".bare.hex"), bare);
            Files.write(folder.resolve(name + ".single.hex"), single);
            return values.size();
        }

        int check(Path folder) throws Exception {
            if (LACKS.contains(name)) {
                return 0;
            }
            List<String> bare = Files.readAllLines(folder.resolve(name + ".bare.hex"));
            List<String> single = Files.readAllLines(folder.resolve(name + ".single.hex"));
            same(values.size(), bare.size(), "number of values");
            same(values.size(), single.size(), "number of framed values");
            BinaryMessageDecoder<Object> message =
                    new BinaryMessageDecoder<>(GenericData.get(), reader);
            message.addSchema(writer);
            for (int index = 0; index < values.size(); index++) {
                byte[] bytes = bytes(bare.get(index));
                Decoder decoder = DecoderFactory.get().binaryDecoder(bytes, null);
                Object datum =
                        new GenericDatumReader<Object>(writer, reader).read(null, decoder);
                same(resolved.get(index), datum, "value " + index);
                datum = message.decode(bytes(single.get(index)));
                same(resolved.get(index), datum, "framed value " + index);
            }
            return values.size();
        }

        private void same(Object expected, Object actual, String what) {
            if (!expected.equals(actual)) {
                throw new IllegalStateException(
                        name + ": " + what + ": expected " + expected + ", got " + actual);
            }
        }

        private static List<Object> read(Path file, Schema schema) throws Exception {
            List<Object> values = new ArrayList<>();
            ObjectMapper mapper = new ObjectMapper();
            for (JsonNode node : mapper.readTree(file.toFile())) {
                // A node's own text has other control characters than the node.
                String text = mapper.writeValueAsString(node);
                Decoder decoder = DecoderFactory.get().jsonDecoder(schema, text);
                values.add(new GenericDatumReader<Object>(schema).read(null, decoder));
            }
            return values;
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte one : bytes) {
            text.append(String.format("%02x", one));
        }
        return text.toString();
    }

    private static byte[] bytes(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int index = 0; index < bytes.length; index++) {
            bytes[index] = (byte) Integer.parseInt(hex.substring(2 * index, 2 * index + 2), 16);
        }
        return bytes;
    }
}
