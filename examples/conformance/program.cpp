// The convolution of convolution.hpp as a program that gradcheck asks over stdin and stdout, protocol version 1.
//
//   c++ -O2 -std=c++17 -o program program.cpp
//   gradcheck conform --program ./program --only 'conv2d/*'
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "convolution.hpp"

// As much JSON as the protocol needs: objects, lists, strings without escapes but \" and \\, numbers, true, false, null.
struct Json {
    std::map<std::string, Json> object;
    std::vector<Json> list;
    std::string text;  // of a string, a number or a word
    const Json& at(const std::string& name) const { return object.at(name); }
    bool has(const std::string& name) const { return object.count(name) > 0; }
    long integer() const { return std::stol(text); }
};

struct Reader {
    const std::string& s;
    size_t at = 0;
    void skip() { while (at < s.size() && (s[at] == ' ' || s[at] == ',' || s[at] == ':')) ++at; }
    std::string string() {
        std::string out;
        for (++at; s.at(at) != '"'; ++at) out += s[at] == '\\' ? s.at(++at) : s[at];
        ++at;
        return out;
    }
    Json value() {
        Json v;
        skip();
        if (s.at(at) == '{') {
            for (++at, skip(); s.at(at) != '}'; skip()) {
                std::string name = string();
                v.object[name] = value();
            }
            ++at;
        } else if (s[at] == '[') {
            for (++at, skip(); s.at(at) != ']'; skip()) v.list.push_back(value());
            ++at;
        } else if (s[at] == '"') {
            v.text = string();
        } else {
            while (at < s.size() && std::string(",]} ").find(s[at]) == std::string::npos) v.text += s[at++];
        }
        return v;
    }
};

const std::string DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::vector<uint8_t> from_base64(const std::string& text) {
    std::vector<uint8_t> bytes;
    uint32_t bits = 0;
    int count = 0;
    for (char c : text) {
        if (c == '=') break;
        bits = bits << 6 | uint32_t(DIGITS.find(c));
        if ((count += 6) >= 8) bytes.push_back(uint8_t(bits >> (count -= 8)));
    }
    return bytes;
}

std::string to_base64(const std::vector<uint8_t>& bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t bits = bytes[i] << 16 | (i + 1 < bytes.size() ? bytes[i + 1] << 8 : 0);
        if (i + 2 < bytes.size()) bits |= bytes[i + 2];
        for (int k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : DIGITS[bits >> (18 - 6 * k) & 63];
    }
    return text;
}

std::vector<long> shape_of(const Json& array) {
    std::vector<long> shape;
    for (const Json& size : array.at("shape").list) shape.push_back(size.integer());
    return shape;
}

template <class T>
std::vector<T> numbers(const Json& array) {  // this machine is little-endian, as nearly all are
    std::vector<uint8_t> bytes = from_base64(array.at("data").text);
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

template <class T>
std::string written(const std::vector<T>& values, const std::vector<long>& shape, const std::string& dtype) {
    std::vector<uint8_t> bytes(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    std::ostringstream out;
    out << "{\"dtype\": \"" << dtype << "\", \"shape\": [";
    for (size_t i = 0; i < shape.size(); ++i) out << (i ? ", " : "") << shape[i];
    out << "], \"data\": \"" << to_base64(bytes) << "\"}";
    return out.str();
}

template <class T>
std::string computed(const Json& request, const std::string& dtype) {
    const Json& inputs = request.at("inputs");
    const Json& given = request.at("hyperparameters");
    const auto x = shape_of(inputs.at("input")), w = shape_of(inputs.at("weight"));
    Settings s{};
    for (int axis = 0; axis < 2; ++axis) {
        s.stride[axis] = given.at("stride").list[axis].integer();
        s.dilation[axis] = given.at("dilation").list[axis].integer();
        s.before[axis] = given.at("padding").list[axis].list[0].integer();
        s.after[axis] = given.at("padding").list[axis].list[1].integer();
    }
    s.groups = given.at("groups").integer();
    s.flip = given.at("flip").text == "true";
    Sizes z{x[0], x[1], x[2], x[3], w[0], w[1], w[2], w[3], 0, 0};
    z.out_height = out_size(x[2], w[2], s.before[0], s.after[0], s.stride[0], s.dilation[0]);
    z.out_width = out_size(x[3], w[3], s.before[1], s.after[1], s.stride[1], s.dilation[1]);

    const auto input = numbers<T>(inputs.at("input")), weight = numbers<T>(inputs.at("weight"));
    const auto grad_output = numbers<T>(request.at("grad_output"));
    const bool biased = inputs.has("bias");
    const auto bias = biased ? numbers<T>(inputs.at("bias")) : std::vector<T>();
    std::vector<T> output(grad_output.size()), grad_input(input.size()), grad_weight(weight.size());
    std::vector<T> grad_bias(bias.size());
    convolve<T>(z, s, input.data(), weight.data(), biased ? bias.data() : nullptr, grad_output.data(), output.data(),
                grad_input.data(), grad_weight.data(), grad_bias.data());

    std::string reply = "\"output\": " + written(output, shape_of(request.at("grad_output")), dtype);
    reply += ", \"gradients\": {\"input\": " + written(grad_input, x, dtype);
    reply += ", \"weight\": " + written(grad_weight, w, dtype);
    if (biased) reply += ", \"bias\": " + written(grad_bias, {w[0]}, dtype);
    return reply + "}";
}

std::string answer(const Json& request) {
    const std::string dtype = request.at("dtype").text;
    if (request.at("inputs").at("input").at("shape").list.size() != 4) return "\"unsupported\": \"only two axes\"";
    if (dtype == "float32") return computed<float>(request, dtype);
    if (dtype == "float64") return computed<double>(request, dtype);
    return "\"unsupported\": \"only float32 and float64\"";
}

int main() {
    std::cout << "{\"protocol\": 1, \"name\": \"plain loops\", \"operations\": [\"conv\"]}" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const Json request = Reader{line}.value();
        std::string told;
        try {
            told = answer(request);
        } catch (const std::exception& error) {
            told = std::string("\"error\": \"") + error.what() + "\"";
        }
        std::cout << "{\"id\": " << request.at("id").text << ", " << told << "}" << std::endl;
    }
}
