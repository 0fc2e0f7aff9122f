#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "tests/compiler/random_choices.h"

namespace raceway::compiler::testing {

/// Chooses tensors on the way from integers of a row to one number: small whole numbers, so that
/// sums are exact.
class RandomTensors : protected RandomChoices {
 protected:
  using RandomChoices::RandomChoices;
  virtual ~RandomTensors() = default;

  virtual Expr AnyInteger(const Columns& columns, int depth) = 0;

  /// f32
  Expr Element(const Columns& columns, int depth) {
    const Vector vector = AnyVector(columns, depth);
    const auto size = static_cast<int64_t>(vector.size);
    if (Chance(50)) {
      const size_t place = Below(vector.size);
      return {vector.text + "[" + std::to_string(place) + "]",
              [=](const Row& row) { return Value(vector.values(row)[place]); }};
    }
    const Expr place = AnyInteger(columns, depth - 1);
    return {vector.text + "[mod(" + place.text + ", " + std::to_string(size) + ")]",
            [=](const Row& row) {
              const int64_t at = Mod(std::get<int64_t>(place.value(row)), size);
              return Value(vector.values(row)[static_cast<size_t>(at)]);
            }};
  }

  /// i64: a size, or the place of a great element.
  Expr SizeOrPlace(const Columns& columns, int depth) {
    const Vector vector = AnyVector(columns, depth);
    if (Chance(30)) {
      return {vector.text + ".shape[0]",
              [=](const Row&) { return Value(static_cast<int64_t>(vector.size)); }};
    }
    const size_t count = 1 + Below(vector.size);
    const size_t which = Below(count);
    return {
        "topk(" + vector.text + ", " + std::to_string(count) + ")[" + std::to_string(which) + "]",
        [=](const Row& row) {
          return Value(static_cast<int64_t>(Greatest(vector.values(row))[which]));
        }};
  }

 private:
  /// f32[size]
  struct Vector {
    std::string text;
    size_t size;
    std::function<std::vector<float>(const Row&)> values;
  };

  /// The places of all elements, the greatest first, of equal ones the first.
  static std::vector<size_t> Greatest(const std::vector<float>& values) {
    std::vector<size_t> places(values.size());
    std::iota(places.begin(), places.end(), size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](size_t a, size_t b) { return values[a] > values[b]; });
    return places;
  }

  Vector AnyVector(const Columns& columns, int depth) {
    if (depth <= 0 || Chance(30)) return List(columns);
    switch (Below(5)) {
      case 0: return Zeros();
      case 1: return OneHot(columns, depth);
      case 2: return Slice(columns, depth);
      case 3: return TakeGreatest(columns, depth);
      default: return Concat(columns, depth);
    }
  }

  Vector List(const Columns& columns) {
    std::vector<Expr> elements;
    std::string text;
    for (size_t n = 2 + Below(3); n > 0; --n) {
      elements.push_back(AnyInteger(columns, 1));
      text += (text.empty() ? "f32(mod(" : ", f32(mod(") + elements.back().text + ", 9))";
    }
    // In brackets of a call, since a list alone has no place.
    return {"concat([" + text + "], zeros(1))", elements.size() + 1, [=](const Row& row) {
              std::vector<float> values;
              for (const Expr& element : elements) {
                const int64_t value = Mod(std::get<int64_t>(element.value(row)), 9);
                values.push_back(static_cast<float>(value));
              }
              values.push_back(0.0F);
              return values;
            }};
  }

  Vector Zeros() {
    const size_t size = 1 + Below(4);
    return {"zeros(" + std::to_string(size) + ")", size,
            [=](const Row&) { return std::vector<float>(size, 0.0F); }};
  }

  Vector OneHot(const Columns& columns, int depth) {
    const size_t size = 1 + Below(4);
    const Expr place = AnyInteger(columns, depth - 1);
    const std::string length = std::to_string(size);
    return {"one_hot(mod(" + place.text + ", " + length + "), " + length + ")", size,
            [=](const Row& row) {
              std::vector<float> values(size, 0.0F);
              const int64_t at =
                  Mod(std::get<int64_t>(place.value(row)), static_cast<int64_t>(size));
              values[static_cast<size_t>(at)] = 1.0F;
              return values;
            }};
  }

  Vector Slice(const Columns& columns, int depth) {
    const Vector of = AnyVector(columns, depth - 1);
    const size_t from = Below(of.size);
    const size_t to = from + 1 + Below(of.size - from);
    return {"slice(" + of.text + ", " + std::to_string(from) + ", " + std::to_string(to) + ")",
            to - from, [=](const Row& row) {
              const std::vector<float> values = of.values(row);
              return std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(from),
                                        values.begin() + static_cast<std::ptrdiff_t>(to));
            }};
  }

  Vector TakeGreatest(const Columns& columns, int depth) {
    const Vector of = AnyVector(columns, depth - 1);
    const size_t count = 1 + Below(of.size);
    return {"take(" + of.text + ", topk(" + of.text + ", " + std::to_string(count) + "))", count,
            [=](const Row& row) {
              const std::vector<float> values = of.values(row);
              std::vector<size_t> places = Greatest(values);
              places.resize(count);
              std::vector<float> taken;
              for (const size_t place : places) taken.push_back(values[place]);
              return taken;
            }};
  }

  Vector Concat(const Columns& columns, int depth) {
    const Vector a = AnyVector(columns, depth - 1);
    const Vector b = AnyVector(columns, depth - 1);
    return {"concat(" + a.text + ", " + b.text + ")", a.size + b.size, [=](const Row& row) {
              std::vector<float> values = a.values(row);
              const std::vector<float> more = b.values(row);
              values.insert(values.end(), more.begin(), more.end());
              return values;
            }};
  }
};

}  // namespace raceway::compiler::testing
