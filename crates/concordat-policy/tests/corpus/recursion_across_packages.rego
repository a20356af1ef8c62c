# expect: 7:1 recursion
# in: common/own.rego
package concordat.common

import data.concordat.common

looped := common.looped
