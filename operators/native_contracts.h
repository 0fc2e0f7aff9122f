#pragma once

#include <string>

#include "engine/catalog.h"
#include "operators/contract_words.h"
#include "operators/contracts.h"

/// The contracts of the native functions by kind, and what they have in common.
namespace raceway::operators {

void RegisterImageContracts(engine::Catalog& catalog);
void RegisterBoxContracts(engine::Catalog& catalog);
void RegisterAudioContracts(engine::Catalog& catalog);
void RegisterLabelContracts(engine::Catalog& catalog);
void RegisterTextContracts(engine::Catalog& catalog);

/// What is wrong with an integer setting that must be at least 1.
std::string AtLeastOne(const engine::Value& value);
/// … at least 0.
std::string AtLeastZero(const engine::Value& value);

}  // namespace raceway::operators
