# expect: 5:8 unused_import
# in: admit/own.rego
package concordat.admit

import data.concordat.common

hasty := 1
